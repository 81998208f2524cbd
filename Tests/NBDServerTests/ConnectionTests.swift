// A connection, from its client's side.

import Glibc
import NBDProtocol
import SystemPackage
import Testing

@testable import NBDServer

// One at a time: each blocks the thread that it runs on.
@Suite(.serialized) struct ConnectionTests {
  @Test(arguments: [EngineChoice.auto, .threads], [true, false])
  func readsWhatIsThere(_ engine: EngineChoice, _ structured: Bool) async throws {
    let file = try ScratchFile(pattern(100_000))
    let client = try await Client([try file.export()], engine: engine)
    try client.enter(structured: structured)
    try client.request(.read, cookie: 77, offset: 1_000, length: 50_000)
    let reply = try #require(try client.reply(simpleLength: 50_000))
    #expect(reply.cookie == 77)
    #expect(reply.error == 0)
    let data = structured ? Array(reply.payload.dropFirst(8)) : reply.payload
    #expect(data == Array(pattern(100_000)[1_000..<51_000]))
    if structured {
      #expect(reply.type == 1)
      #expect(number(reply.payload[0..<8]) == 1_000)
    }
    try client.request(.disconnect)
    #expect(try client.isAtEnd())
    await client.finish()
    #expect(client.lines.all.isEmpty)
  }

  @Test(arguments: [EngineChoice.auto, .threads])
  func manyRequestsAtOnceAreAllAnswered(_ engine: EngineChoice) async throws {
    let contents = pattern(1 << 20)
    let file = try ScratchFile(contents)
    let client = try await Client([try file.export()], engine: engine)
    try client.enter()
    for cookie in 0..<200 {
      try client.request(
        .read, cookie: UInt64(cookie), offset: UInt64(cookie) * 4096, length: 4096)
    }
    var seen: Set<UInt64> = []
    for _ in 0..<200 {
      let reply = try #require(try client.reply())
      let start = Int(reply.cookie) * 4096
      #expect(Array(reply.payload.dropFirst(8)) == Array(contents[start..<start + 4096]))
      seen.insert(reply.cookie)
    }
    #expect(seen.count == 200)
    try client.request(.disconnect)
    await client.finish()
    #expect(client.connection.traffic.counters.reads == 200)
    #expect(client.connection.traffic.counters.bytesRead == 200 * 4096)
    #expect(client.connection.traffic.requestsInFlight == 0)
  }

  @Test(arguments: [EngineChoice.auto, .threads])
  func writesWhatCameInPieces(_ engine: EngineChoice) async throws {
    let file = try ScratchFile([UInt8](repeating: 0, count: 300_000))
    let client = try await Client([try file.export()], engine: engine)
    try client.enter()
    let data = pattern(200_000)
    try client.request(.write, cookie: 5, offset: 70_000, length: 200_000, flags: .fua)
    for start in stride(from: 0, to: data.count, by: 33_333) {
      try client.send(Array(data[start..<min(start + 33_333, data.count)]))
    }
    #expect(try client.reply() == Client.Chunk(cookie: 5, type: nil))
    #expect(Array(try file.bytes[70_000..<270_000]) == data)
    #expect(try file.bytes[69_999] == 0)
    #expect(try file.bytes[270_000] == 0)
    try client.request(.flush, cookie: 6)
    #expect(try client.reply() == Client.Chunk(cookie: 6, type: nil))
    try client.request(.disconnect)
    await client.finish()
  }

  @Test func zeroesAndTrimsReadAsZeroesAndAreToldAsHoles() async throws {
    let file = try ScratchFile(pattern(1 << 20))
    let client = try await Client([try file.export()])
    try client.enter()
    try client.request(.writeZeroes, cookie: 1, offset: 65_536, length: 131_072)
    #expect(try client.reply()?.error == 0)
    try client.request(.writeZeroes, cookie: 2, offset: 262_144, length: 4096, flags: .noHole)
    #expect(try client.reply()?.error == 0)
    try client.request(.trim, cookie: 3, offset: 524_288, length: 65_536)
    #expect(try client.reply()?.error == 0)
    var expected = pattern(1 << 20)
    for range in [65_536..<196_608, 262_144..<266_240, 524_288..<589_824] {
      for index in range { expected[index] = 0 }
    }
    #expect(try file.bytes == expected)

    try client.request(.blockStatus, cookie: 4, offset: 0, length: 1 << 20)
    let status = try #require(try client.reply())
    #expect(status.type == 5)
    let extents = stride(from: 4, to: status.payload.count, by: 8).map {
      [number(status.payload[$0..<$0 + 4]), number(status.payload[$0 + 4..<$0 + 8])]
    }
    #expect(extents.first == [65_536, 0])
    #expect(extents.dropFirst().first == [131_072, 3])
    #expect(extents.map { $0[0] }.reduce(0, +) == 1 << 20)

    // And a read of all of it comes in chunks, with the hole as one.
    try client.request(.read, cookie: 9, offset: 0, length: 1 << 20)
    var read = [UInt8](repeating: 1, count: 1 << 20)
    var holes = 0
    while true {
      let chunk = try #require(try client.reply())
      let offset = Int(number(chunk.payload[0..<8]))
      if chunk.type == 2 {
        holes += 1
        for index in offset..<offset + Int(number(chunk.payload[8..<12])) { read[index] = 0 }
      } else {
        read.replaceSubrange(
          offset..<offset + chunk.payload.count - 8, with: chunk.payload.dropFirst(8))
      }
      if chunk.isLast { break }
    }
    #expect(read == expected)
    #expect(holes >= 2)
    // Unless the client wants it in one.
    try client.request(.read, cookie: 10, offset: 0, length: 1 << 20, flags: .doNotFragment)
    let whole = try #require(try client.reply())
    #expect(whole.isLast)
    #expect(Array(whole.payload.dropFirst(8)) == expected)
    try client.request(.disconnect)
    await client.finish()
  }

  @Test func aFileThatShrinksIsAnErrorAndNoEnd() async throws {
    let file = try ScratchFile(pattern(100_000))
    let client = try await Client([try file.export()])
    try client.enter()
    file.truncate(to: 10_000)
    try client.request(.read, cookie: 1, offset: 50_000, length: 4096)
    #expect(try client.reply()?.error == NBDError.io.rawValue)
    try client.request(.read, cookie: 2, offset: 8_000, length: 4096)
    #expect(try client.reply()?.error == NBDError.io.rawValue)
    try client.request(.read, cookie: 3, offset: 4_096, length: 4096)
    #expect(try client.reply()?.error == 0)
    try client.request(.disconnect)
    await client.finish()
    #expect(client.connection.traffic.counters.errors == 2)
  }

  @Test func aSparseFileThatShrinksIsNoHole() async throws {
    let file = try ScratchFile(pattern(8192))
    file.truncate(to: 1 << 20)
    let export = try file.export()
    #expect(export.isSparse)
    let client = try await Client([export])
    try client.enter()
    try client.request(.read, cookie: 1, offset: 0, length: 1 << 20)
    var chunk = try #require(try client.reply())
    while !chunk.isLast { chunk = try #require(try client.reply()) }
    #expect(chunk.error == 0)
    file.truncate(to: 0)
    try client.request(.read, cookie: 2, offset: 0, length: 65_536)
    #expect(try client.reply()?.error == NBDError.io.rawValue)
    try client.request(.blockStatus, cookie: 3, offset: 0, length: 65_536)
    #expect(try client.reply()?.error == NBDError.io.rawValue)
    try client.request(.disconnect)
    await client.finish()
  }

  @Test func aClientThatIsGoneIsServedNoMore() async throws {
    let file = try ScratchFile([UInt8](repeating: 7, count: 4 << 20))
    var limits = Limits()
    limits.memory = 1 << 20
    let client = try await Client([try file.export()], limits: limits)
    try client.enter()
    try client.send(
      (0..<1024).flatMap { Client.bytes(.read, cookie: UInt64($0), length: 65_536) })
    usleep(20_000)
    _ = Glibc.shutdown(client.socket.rawValue, CInt(SHUT_RDWR))
    await client.finish()
    #expect(client.connection.traffic.counters.reads < 512)
    #expect(client.connection.budget.used == 0)
    #expect(client.lines.all.count == 1)
  }

  @Test func whatIsRefusedIsAnsweredAndTheRestGoesOn() async throws {
    let file = try ScratchFile(pattern(100_000))
    let client = try await Client([try file.export(readOnly: true)])
    try client.enter()
    try client.request(.write, cookie: 1, offset: 0, length: 70_000, payload: pattern(70_000))
    #expect(try client.reply()?.error == NBDError.permission.rawValue)
    try client.request(.read, cookie: 2, offset: 99_999, length: 2)
    #expect(try client.reply()?.error == NBDError.invalid.rawValue)
    try client.request(.read, cookie: 3, offset: .max, length: 1)
    #expect(try client.reply()?.error == NBDError.invalid.rawValue)
    try client.request(.read, cookie: 4, offset: 0, length: 10)
    #expect(try client.reply()?.error == 0)
    #expect(try file.bytes == pattern(100_000))
    try client.request(.disconnect)
    await client.finish()
  }

  @Test func whatIsNoRequestEndsTheConnectionWithALine() async throws {
    let file = try ScratchFile(pattern(4096))
    let client = try await Client([try file.export()])
    try client.enter()
    try client.send([UInt8](repeating: 0x55, count: 28))
    #expect(try client.isAtEnd())
    await client.finish()
    #expect(client.lines.all.count == 1)
    #expect(client.lines.all.first?.contains("no request") == true)
  }

  @Test func aClientThatGoesInTheMiddleOfAWriteWritesNothing() async throws {
    let file = try ScratchFile(pattern(100_000))
    let client = try await Client([try file.export()])
    try client.enter()
    try client.request(.write, cookie: 1, offset: 0, length: 50_000, payload: pattern(100))
    _ = Glibc.shutdown(client.socket.rawValue, CInt(SHUT_RDWR))
    await client.finish()
    #expect(try file.bytes == pattern(100_000))
    #expect(client.lines.all.count == 1)
  }

  @Test func aHandshakeHasItsTime() async throws {
    let file = try ScratchFile(pattern(4096))
    var limits = Limits()
    limits.handshake = .milliseconds(50)
    let client = try await Client([try file.export()], limits: limits)
    #expect(try client.receive(18).count == 18)
    try client.send([0, 0])
    #expect(try client.isAtEnd())
    await client.finish()
    #expect(client.lines.all.count == 1)
    #expect(client.lines.all.first?.contains("handshake") == true)
  }

  @Test func aSlowReaderHasOnlySoMuchMemory() async throws {
    let file = try ScratchFile([UInt8](repeating: 7, count: 4 << 20))
    var limits = Limits()
    limits.memory = 1 << 20
    let client = try await Client([try file.export()], limits: limits)
    try client.enter()
    // 64 MiB of replies, of which the sockets hold a few hundred KiB.
    // The requests in one write: each write takes room of its own in the socket, and waits when there is none.
    try client.send(
      (0..<1024).flatMap { Client.bytes(.read, cookie: UInt64($0), length: 65_536) })
    let connection = client.connection
    var used = 0
    for _ in 0..<20 {
      usleep(5_000)
      used = max(used, await client.worker.context.run { connection.budget.used })
    }
    #expect(used > limits.memory / 2)
    #expect(used <= limits.memory)
    for _ in 0..<1024 { #expect(try client.reply()?.payload.count == 65_544) }
    // One that is larger than all of it, while there is no other.
    try client.request(.read, cookie: 1, offset: 0, length: 4 << 20)
    #expect(try client.reply()?.payload.count == 8 + 4 << 20)
    try client.request(.disconnect)
    await client.finish()
    #expect(client.connection.budget.used == 0)
  }

  @Test func aStopFinishesWhatWasAccepted() async throws {
    let file = try ScratchFile([UInt8](repeating: 0, count: 1 << 20))
    let client = try await Client([try file.export()])
    try client.enter()
    for cookie in 0..<64 {
      try client.request(
        .write, cookie: UInt64(cookie), offset: UInt64(cookie) * 4096, length: 4096,
        payload: [UInt8](repeating: UInt8(cookie + 1), count: 4096))
    }
    client.stop()
    var done = 0
    while let reply = try client.reply() {
      #expect(reply.error == 0 || reply.error == NBDError.shutdown.rawValue)
      if reply.error == 0 {
        done += 1
        #expect(try file.bytes[Int(reply.cookie) * 4096] == UInt8(reply.cookie + 1))
      }
    }
    await client.finish()
    #expect(client.connection.traffic.requestsInFlight == 0)
  }

  @Test func aStopDoesNotWaitForWhoTakesNoReplies() async throws {
    let file = try ScratchFile([UInt8](repeating: 7, count: 1 << 20))
    var limits = Limits()
    limits.farewell = .milliseconds(50)
    let client = try await Client([try file.export()], limits: limits)
    try client.enter()
    try client.send(
      (0..<64).flatMap { Client.bytes(.read, cookie: UInt64($0), length: 1 << 18) })
    usleep(20_000)
    client.stop()
    await client.finish()
    #expect(client.lines.all.count == 1)
  }
}
