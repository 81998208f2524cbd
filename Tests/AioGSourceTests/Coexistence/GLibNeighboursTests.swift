// A context on a GMainContext beside GIO's own sources: a child process of GSubprocess, a server of GSocketService whose
// client is the context, and a GMainLoop that a callback runs. (GDBus: DBusTests and NBDBusTests. GTK: scripts/test-gtk.)

import AioGSource
import CGLib
import CLiburing
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct GLibNeighboursTests {
    static let underGLib = Combination.all.filter { $0.driver == .glib }

    /// The context reads what the child writes, while GIO awaits the child's end, by SIGCHLD or a pidfd.
    @Test(arguments: underGLib)
    func aSubprocessRunsAndEnds(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ended = Flag()
      let output = Box<[UInt8]>([])
      try loop.mainContext!.withThreadDefault {
        let pipe = Pair.pipe()
        let launcher = g_subprocess_launcher_new(GSubprocessFlags(rawValue: 0))!
        // The launcher closes it.
        g_subprocess_launcher_take_stdout_fd(
          launcher, fcntl(pipe.writer.rawValue, F_DUPFD_CLOEXEC, 0))
        pipe.closeWriter()
        let process = withArguments(["sh", "-c", "printf one; sleep 0.05; printf two"]) {
          g_subprocess_launcher_spawnv(launcher, $0, nil)
        }
        g_object_unref(launcher.gobject)
        let child = try #require(process)
        defer { g_object_unref(UnsafeMutableRawPointer(child)) }
        g_subprocess_wait_async(
          child, nil,
          { source, result, data in
            let ok = g_subprocess_wait_check_finish(OpaquePointer(source!), result, nil)
            if ok != 0 { Unmanaged<Flag>.fromOpaque(data!).takeUnretainedValue().set() }
          }, Unmanaged.passUnretained(ended).toOpaque())
        let isOver = Flag()
        try loop.context.setHandler(for: pipe.reader) {
          var bytes = [UInt8](repeating: 0, count: 64)
          let count = Glibc.read(pipe.reader.rawValue, &bytes, bytes.count)
          output.value += bytes.prefix(max(count, 0))
          if count == 0 {
            loop.context.removeHandler(for: pipe.reader)
            isOver.set()
          }
        }
        #expect(loop.run { isOver.isSet && ended.isSet })
      }
      #expect(output.value == Array("onetwo".utf8))
    }

    @Test(arguments: underGLib)
    func aSocketServiceServesTheContext(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let served = Tallied()
      let echoed = Box(0)
      try loop.mainContext!.withThreadDefault {
        let service = g_socket_service_new()!
        defer {
          g_socket_service_stop(service)
          g_object_unref(UnsafeMutableRawPointer(service))
        }
        let listener = UnsafeMutableRawPointer(service)
          .assumingMemoryBound(to: GSocketListener.self)
        let port = g_socket_listener_add_any_inet_port(listener, nil, nil)
        try #require(port != 0)
        connectIncoming(service, served)
        for _ in 0..<4 {
          let socket = FileDescriptor(
            rawValue: Glibc.socket(
              AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0))
          let ended = Flag()
          let buffer = AIOBuffer(count: 16)
          let io = loop.context.io
          io.connect(socket, to: try #require(SocketAddress(ipv4: "127.0.0.1", port: port))) {
            result in
            guard case .success = result else { return ended.set() }
            io.receive(on: socket, into: buffer) { result in
              if (try? result.get()) == 5, Array(buffer.bytes.prefix(5)) == Array("hello".utf8) {
                echoed.value += 1
              }
              ended.set()
            }
          }
          #expect(loop.run { ended.isSet })
          Glibc.close(socket.rawValue)
        }
      }
      #expect(served.count.value == 4)
      #expect(echoed.value == 4)
    }

    /// As a modal dialog does: the outer callback is still running while the inner loop serves the context.
    @Test(arguments: underGLib)
    func aMainLoopRunsInACallback(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log()
      let pipe = Pair.pipe()
      let inner = MainLoop(loop.mainContext)
      try context.setHandler(for: pipe.reader) {
        pipe.drain()
        log.add("handler")
      }
      let timer = context.makeTimer(name: "ends the inner loop") {
        log.add("timer")
        inner.quit()
      }
      context.schedule {
        log.add("begins")
        context.schedule { log.add("bottom half") }
        pipe.write()
        timer.arm(after: .milliseconds(20))
        inner.run()
        log.add("ends")
      }
      #expect(loop.run { log.value.last == "ends" })
      #expect(log.value == ["begins", "bottom half", "handler", "timer", "ends"])
      context.removeHandler(for: pipe.reader)
    }
  }
}

private final class Tallied: @unchecked Sendable {
  let count = Box(0)
}

/// Has a service write a word to each that comes.
private func connectIncoming(_ service: UnsafeMutablePointer<GSocketService>, _ served: Tallied) {
  let handler:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutablePointer<GSocketConnection>?, UnsafeMutableRawPointer?,
      UnsafeMutableRawPointer?
    ) -> gboolean = { _, connection, _, data in
      Unmanaged<Tallied>.fromOpaque(data!).takeUnretainedValue().count.value += 1
      let stream = UnsafeMutableRawPointer(connection!).assumingMemoryBound(to: GIOStream.self)
      g_output_stream_write(g_io_stream_get_output_stream(stream), "hello", 5, nil, nil)
      return 1
    }
  g_signal_connect_data(
    service, "incoming", unsafeBitCast(handler, to: GCallback.self),
    Unmanaged.passUnretained(served).toOpaque(), nil, GConnectFlags(rawValue: 0))
}

private func withArguments<Result>(
  _ words: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = words.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  let pointers = copies.map { UnsafePointer($0) } + [nil]
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
