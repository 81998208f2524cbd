// Takes bytes for requests, judges each, and writes a reply to it into memory that has room for no byte more.

import Glibc

func serve(_ stream: UnsafeRawBufferPointer, _ session: Session, isShuttingDown: Bool) {
  var rest = stream[...]
  while rest.count >= Request.size {
    guard let request = Request(UnsafeRawBufferPointer(rebasing: rest)) else { return }
    rest.removeFirst(Request.size)
    switch session.judge(request, isShuttingDown: isShuttingDown) {
    case .perform(let command):
      check(!isShuttingDown, "a server that shuts down serves a request")
      checkPermitted(request, command, session)
      if command == .write { rest = rest.dropFirst(Int(request.length)) }
      reply(to: request, from: rest)
    case .refuse(let error, let message, let payload):
      check(payload == (request.type == 1 ? Int(request.length) : 0), "a payload is not skipped")
      check(
        payload <= max(32 << 20, Int(session.export.maximumPayload)),
        "a payload is longer than it may be")
      check(!message.isEmpty, "an error has no message")
      check(isShuttingDown == (error == .shutdown), "an error is not the one of a shutdown")
      rest = rest.dropFirst(payload)
      checkError(error, message, offset: request.offset, cookie: request.cookie)
    case .disconnect(let reason):
      check((reason == nil) == (request.type == 2), "the client's own wish has a reason")
      if reason != nil {
        check(
          request.type == 1 && request.length > max(32 << 20, session.export.maximumPayload),
          "a client is dropped that may stay")
      }
      return
    }
  }
}

/// What the server relies on.
private func checkPermitted(_ request: Request, _ command: Command, _ session: Session) {
  let export = session.export
  check(command.rawValue == request.type, "the command is another one")
  check(command != .disconnect, "a disconnect is served")
  check(request.flags.rawValue & ~0x1f == 0, "an unknown flag is served")
  check(
    !request.flags.contains(.doNotFragment) || command == .read && session.structuredReplies,
    "a flag of reads is served")
  check(
    request.flags.isDisjoint(with: [.noHole, .fastZero]) || command == .writeZeroes,
    "a flag of zeroes is served")
  check(
    !request.flags.contains(.oneExtent) || command == .blockStatus,
    "a flag of block status is served")
  if command == .blockStatus {
    check(session.structuredReplies && session.allocationContext != nil, "no context is selected")
  }
  if [.write, .trim, .writeZeroes].contains(command) {
    check(!export.flags.contains(.readOnly), "a read-only export is written")
  }
  if command == .flush {
    check(request.offset == 0 && request.length == 0, "a flush has a range")
    return
  }
  let length = UInt64(request.length)
  check(length > 0, "nothing is served")
  check(length <= export.size && request.offset <= export.size - length, "a range ends outside")
  check(
    request.offset % UInt64(export.minimumBlock) == 0
      && length % UInt64(export.minimumBlock) == 0, "a range is not aligned")
  if command == .read || command == .write {
    check(request.length <= export.maximumPayload, "a payload is longer than it may be")
  }
}

/// Writes each kind of reply, with what the client sends next as its content.
private func reply(to request: Request, from next: Slice<UnsafeRawBufferPointer>) {
  let cookie = request.cookie
  let count = max(1, request.length / 2)
  let data = chunk(Reply.dataHeaderSize, type: 1, payload: 8 + Int(count), cookie) {
    Reply.dataHeader(offset: request.offset, count: count, cookie: cookie, isLast: true, to: $0)
  }
  data.withUnsafeBytes {
    check($0.bigEndian(at: 20, as: UInt64.self) == request.offset, "the offset is another one")
  }
  let hole = chunk(Reply.holeSize, type: 2, payload: 12, cookie) {
    Reply.hole(offset: request.offset, count: count, cookie: cookie, isLast: true, to: $0)
  }
  hole.withUnsafeBytes {
    check($0.bigEndian(at: 20, as: UInt64.self) == request.offset, "the offset is another one")
    check($0.bigEndian(at: 28, as: UInt32.self) == count, "the hole has another length")
  }
  _ = chunk(Reply.noneSize, type: 0, payload: 0, cookie) { Reply.none(cookie: cookie, to: $0) }
  let extents = next.prefix(64).map { Extent(length: 1 + UInt32($0), flags: .zero) }
  if !extents.isEmpty {
    let size = Reply.blockStatusSize(extents: extents.count)
    _ = chunk(size, type: 5, payload: size - 20, cookie) {
      Reply.blockStatus(contextID: 1, extents: extents, cookie: cookie, isLast: true, to: $0)
    }
  }
  let message = String(decoding: next.prefix(600), as: UTF8.self)
  checkError(.io, message, offset: request.offset, cookie: cookie)
  let simple = write(Reply.simpleSize) { Reply.simple(.io, cookie: cookie, to: $0) }
  check(simple.starts(with: [0x67, 0x44, 0x66, 0x98, 0, 0, 0, 5]), "a simple reply is none")
}

private func checkError(_ error: NBDError, _ message: String, offset: UInt64?, cookie: UInt64) {
  let bytes = write(atMost: Reply.maximumErrorSize) {
    Reply.error(error, message, offset: offset, cookie: cookie, isLast: true, to: $0)
  }
  bytes.withUnsafeBytes {
    let length = Int($0.bigEndian(at: 24, as: UInt16.self))
    check(length <= Reply.maximumMessageLength, "a message is too long")
    check(bytes.count == 20 + 6 + length + 8, "an error has another length than it says")
    check($0.bigEndian(at: 20, as: UInt32.self) == error.rawValue, "the error is another one")
    check($0.bigEndian(at: 26 + length, as: UInt64.self) == offset, "the offset is another one")
    check(message.utf8.starts(with: $0[26..<26 + length]), "the message is another one")
    check(
      String(validating: $0[26..<26 + length], as: UTF8.self) != nil,
      "a message is cut through a character")
  }
}

/// A chunk that a writer writes, with its header checked.
private func chunk(
  _ size: Int, type: UInt16, payload: Int, _ cookie: UInt64,
  _ body: (UnsafeMutableRawPointer) -> Int
) -> [UInt8] {
  let bytes = write(size, body)
  bytes.withUnsafeBytes {
    check($0.bigEndian(at: 0, as: UInt32.self) == 0x668e_33ef, "a chunk has no magic number")
    check($0.bigEndian(at: 4, as: UInt16.self) == 1, "the last chunk is not marked")
    check($0.bigEndian(at: 6, as: UInt16.self) == type, "a chunk is of another type")
    check($0.bigEndian(at: 8, as: UInt64.self) == cookie, "a reply is to no request")
    check($0.bigEndian(at: 16, as: UInt32.self) == payload, "a chunk has another length")
  }
  return bytes
}

/// What a writer writes that is to use all of `size` bytes.
private func write(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Int) -> [UInt8] {
  let bytes = write(atMost: size, body)
  check(bytes.count == size, "a reply has another size than it should")
  return bytes
}

/// What a writer writes into memory of its own, where the address sanitizer sees a byte too many.
private func write(atMost size: Int, _ body: (UnsafeMutableRawPointer) -> Int) -> [UInt8] {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
  defer { memory.deallocate() }
  let written = body(memory.baseAddress!)
  check((1...size).contains(written), "a reply is longer than there is room")
  return Array(memory[..<written])
}
