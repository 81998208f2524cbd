// The replies to requests, in the form that the session has them: written before a piece's data, or into its room for headers.

import AioGSource
import NBDProtocol

extension Connection {
  /// Answers with an error.
  func answer(
    _ request: Request, _ session: Session, _ error: NBDError, _ message: String, in piece: Piece
  ) {
    traffic.failed()
    let start = piece.buffer.baseAddress
    let count: Int
    if session.structuredReplies {
      count = Reply.error(error, message, cookie: request.cookie, isLast: true, to: start)
    } else {
      count = Reply.simple(error, cookie: request.cookie, to: start)
    }
    queue(AIOBuffer.Slice(piece.buffer, 0..<count), of: piece)
  }

  /// Answers that it was done.
  func acknowledge(_ work: Work) {
    let start = work.piece.buffer.baseAddress
    let count = Reply.simple(nil, cookie: work.request.cookie, to: start)
    queue(AIOBuffer.Slice(work.piece.buffer, 0..<count), of: work.piece)
  }

  /// Answers with the data of the piece.
  func answerWithData(_ work: Work) {
    let length = Int(work.request.length)
    let header: Int
    if work.session.structuredReplies {
      header = Reply.dataHeaderSize
      _ = Reply.dataHeader(
        offset: work.request.offset, count: work.request.length, cookie: work.request.cookie,
        isLast: true, to: work.piece.header(header))
    } else {
      header = Reply.simpleSize
      _ = Reply.simple(nil, cookie: work.request.cookie, to: work.piece.header(header))
    }
    queue(work.piece.slice(header: header, count: length), of: work.piece)
  }

  /// Answers with data and holes, which cover the request; the headers are written to pieces of their own.
  func answer(_ work: Work, with extents: [FileExtent], headers: Piece) {
    var slices: [AIOBuffer.Slice] = []
    var next = 0
    let offset = Int64(work.request.offset)
    for (index, extent) in extents.enumerated() {
      let isLast = index == extents.count - 1
      let start = headers.buffer.baseAddress + next
      let count = UInt32(extent.range.count)
      let size: Int
      if extent.isHole {
        size = Reply.hole(
          offset: UInt64(extent.range.lowerBound), count: count, cookie: work.request.cookie,
          isLast: isLast, to: start)
      } else {
        size = Reply.dataHeader(
          offset: UInt64(extent.range.lowerBound), count: count, cookie: work.request.cookie,
          isLast: isLast, to: start)
      }
      slices.append(AIOBuffer.Slice(headers.buffer, next..<next + size))
      next += size
      if !extent.isHole {
        let first = Int(extent.range.lowerBound - offset)
        slices.append(
          AIOBuffer.Slice(work.piece.buffer, work.piece.range(first..<first + Int(count))))
      }
    }
    replies.append(
      OutgoingReply(
        first: slices[0], more: Array(slices.dropFirst()), piece: work.piece,
        otherPieces: [headers], cost: work.piece.cost))
  }

  /// Answers with the extents of a file.
  func answerWithStatus(_ work: Work, _ extents: [Extent], of context: UInt32) {
    let count = Reply.blockStatus(
      contextID: context, extents: extents, cookie: work.request.cookie, isLast: true,
      to: work.piece.data())
    queue(AIOBuffer.Slice(work.piece.buffer, work.piece.range(0..<count)), of: work.piece)
  }

  private func queue(_ slice: AIOBuffer.Slice, of piece: Piece) {
    replies.append(OutgoingReply(first: slice, piece: piece, cost: piece.cost))
  }
}
