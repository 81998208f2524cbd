// Prints how many lines a file has. No thread waits for the disk: the loop is free for whatever else it serves.
import AioGSource
import SystemPackage

let context = try AioContext(name: "files")
try context.attach()  // to the default GMainContext
let loop = MainLoop()
let path = FilePath(CommandLine.arguments[1])

Task(executorPreference: context.taskExecutor) {
  defer { loop.quit() }
  do {
    print(try await lines(of: path), "lines")
  } catch {
    print("\(path): \(error)")
  }
}
loop.run()

func lines(of path: FilePath) async throws(Errno) -> Int {
  let engine = await context.engine()
  let file = try await engine.open(path, .readOnly)
  defer { try? file.close() }
  let buffer = AIOBuffer(count: 64 * 1024)
  var offset: Int64 = 0
  var lines = 0
  while true {
    let count = try await engine.read(from: file, at: offset, into: buffer)
    if count == 0 { return lines }
    lines += buffer.bytes.prefix(count).count { $0 == UInt8(ascii: "\n") }
    offset += Int64(count)
  }
}
