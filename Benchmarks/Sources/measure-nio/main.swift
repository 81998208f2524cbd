// SwiftNIO's side of executor.hop and echo.64b, by its documented calls, with one event loop.
//
//     measure-nio executor.hop [--quick]
//     measure-nio echo
//
// The first prints one number, nanoseconds a hop; the second its port, and runs until it is killed.

import Glibc
import Measuring
import NIOCore
import NIOPosix

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

do {
  switch Arguments.row {
  case "executor.hop": print(try hops(on: group.next()))
  case "echo": try serve(on: group)
  default: fail("there is no row '\(Arguments.row)'")
  }
} catch {
  fail("\(error)")
}

/// A closure that has the loop execute the next one.
func hops(on loop: any EventLoop) throws -> Double {
  final class Chain: @unchecked Sendable {
    let loop: any EventLoop
    let promise: EventLoopPromise<Void>
    var left: Int

    init(_ loop: any EventLoop, _ count: Int) {
      self.loop = loop
      promise = loop.makePromise()
      left = count
    }

    func next() {
      left -= 1
      if left < 0 { return promise.succeed() }
      loop.execute { self.next() }
    }
  }
  return perOperation { count in
    let chain = Chain(loop, count)
    loop.execute { chain.next() }
    do { try chain.promise.futureResult.wait() } catch { fail("\(error)") }
    check(chain.left == -1, "\(chain.left) hops were left")
  }
}

/// Writes back what comes, and flushes when all that came at once was written.
final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

func serve(on group: MultiThreadedEventLoopGroup) throws -> Never {
  let server = try ServerBootstrap(group: group)
    .serverChannelOption(.backlog, value: 128)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(Echo())
      }
    }
    .bind(host: "127.0.0.1", port: 0).wait()
  print(server.localAddress!.port!)
  fflush(nil)
  try server.closeFuture.wait()
  fail("the server ended")
}
