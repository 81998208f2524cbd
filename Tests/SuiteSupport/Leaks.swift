// What the leak checker takes for leaks in a suite, and is not ours to mend: timers of Foundation's, which keep themselves;
// and the side table of a living object, whose address Swift does not keep as it is.

private let suppressions: StaticString = "leak:libFoundation.so\nleak:formWeakReference\n"

@_cdecl("__lsan_default_suppressions")
public func leakSuppressions() -> UnsafePointer<CChar>? {
  UnsafeRawPointer(suppressions.utf8Start).assumingMemoryBound(to: CChar.self)
}
