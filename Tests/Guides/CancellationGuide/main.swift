// Waits for a pipe to say something, but no longer than a fifth of a second.
import AioGSource
import SystemPackage

let context = try AioContext(name: "patient")
try context.attach()  // to the default GMainContext
let loop = MainLoop()
let (reader, writer) = try FileDescriptor.pipe()

let reading = Task(executorPreference: context.taskExecutor) {
  defer { loop.quit() }
  let buffer = AIOBuffer(count: 4096)
  do throws(Errno) {
    let count = try await context.read(from: reader, into: buffer)
    print("\(count) bytes came")
  } catch .canceled {
    print("nothing came")
  } catch {
    print("the pipe cannot be read: \(error)")
  }
}
let limit = context.makeTimer(name: "limit") { reading.cancel() }
limit.arm(after: .milliseconds(200))
loop.run()
limit.cancel()
