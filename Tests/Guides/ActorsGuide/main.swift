// A journal that any task may write to. Its file has a thread of its own, on which nobody waits for the disk.
import AioGSource
import SystemPackage

actor Journal {
  let thread: IOThread
  private let file: FileDescriptor
  private var end: Int64 = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.context.unownedExecutor }

  init(at path: FilePath) throws {
    file = try .open(path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    thread = try IOThread(name: "journal")
  }

  func append(_ line: String) async throws(Errno) {
    let buffer = AIOBuffer("\(line)\n".utf8)
    let offset = end
    end += Int64(buffer.count)  // before the await, for the next line may come meanwhile
    try await thread.context.write(to: file, at: offset, from: buffer)
  }

  func close() async throws(Errno) {
    try await thread.context.synchronize(file)
    try await thread.context.engine().close(file)
  }
}

let journal = try Journal(at: FilePath(CommandLine.arguments[1]))
try await withThrowingTaskGroup { group in
  for number in 1...100 {
    group.addTask(executorPreference: journal.thread.context.taskExecutor) {
      try await journal.append("line \(number)")
    }
  }
  try await group.waitForAll()
}
try await journal.close()
print(await journal.thread.shutDown())
