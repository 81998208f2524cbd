// What the process has: descriptors, threads, memory. Between rounds the first two are what they were after the first
// rounds, and memory has stopped growing.

import CTestSupport
import Glibc

struct Resources {
  var descriptors = 0
  var threads = 0
  var kibibytes = 0

  static var now: Resources {
    Resources(
      descriptors: entries(of: "/proc/self/fd") - 1, threads: entries(of: "/proc/self/task"),
      kibibytes: residentKibibytes)
  }

  private static func entries(of path: String) -> Int {
    guard let directory = opendir(path) else { fail("opendir \(path): errno \(errno)") }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    return count
  }

  private static var residentKibibytes: Int {
    // Memory that was freed and kept would hide what was not.
    aiogs_test_trim_heap()
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 128)
    let count = read(file, &text, text.count)
    let words = String(decoding: text[..<max(count, 0)], as: UTF8.self).split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { fail("/proc/self/statm is unreadable") }
    return pages * 4
  }
}

struct ResourceWatch: CustomStringConvertible {
  /// By then all has been used that is kept for good: GLib's worker threads, the allocator's arenas, caches.
  private static let warmUpRounds = 20
  /// Memory may wander by so much, in fragments of the heap.
  private static let allowance = 8 * 1024

  private var baseline: Resources?
  private var last = Resources()
  private var most = Resources()

  mutating func check(afterRound round: Int) {
    settle()
    guard let baseline else {
      if round == Self.warmUpRounds { self.baseline = last }
      return
    }
    most.descriptors = max(most.descriptors, last.descriptors)
    most.threads = max(most.threads, last.threads)
    most.kibibytes = max(most.kibibytes, last.kibibytes)
    if last.descriptors > baseline.descriptors {
      fail(
        "after round \(round) there are \(last.descriptors) descriptors, and were \(baseline.descriptors)"
      )
    }
    if last.threads > baseline.threads {
      fail("after round \(round) there are \(last.threads) threads, and were \(baseline.threads)")
    }
    if last.kibibytes > baseline.kibibytes + Self.allowance {
      fail("after round \(round) memory is \(last.kibibytes) KiB, and was \(baseline.kibibytes)")
    }
  }

  /// The kernel lets go of a ring a moment after it was closed, and of a thread's entry after it was joined.
  private mutating func settle() {
    for _ in 0..<200 {
      last = Resources.now
      guard let baseline else { return }
      if last.descriptors <= baseline.descriptors && last.threads <= baseline.threads { return }
      usleep(10_000)
    }
  }

  var description: String {
    "\(last.descriptors) descriptors, \(last.threads) threads, \(last.kibibytes) KiB"
  }

  var summary: String {
    guard let baseline else { return "resources: \(self); too short to compare" }
    return """
      resources: descriptors \(baseline.descriptors), at most \(most.descriptors); threads \(baseline.threads), \
      at most \(most.threads); memory \(baseline.kibibytes) KiB, at most \(most.kibibytes), at the end \(last.kibibytes)
      """
  }
}
