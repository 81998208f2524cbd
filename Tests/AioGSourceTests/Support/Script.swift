// What the fake kernel answers, part by part, and what it was asked for. Any thread: workers ask too.

import CLiburing
import Glibc

@testable import AioGSource

/// One thing that an engine asks the kernel for: a transfer or a part of one, or a file to be synchronized.
struct Piece {
  enum Kind { case read, write, synchronize, other }
  /// By which of the kernel's doors it came.
  enum Way { case ring, linuxAIO, call }

  var way: Way
  var kind: Kind
  var descriptor: CInt = -1
  var vectors: [iovec] = []
  var offset: Int64 = -1
  /// `RWF_…`, of a call and of Linux AIO; `IOSQE_…` of a ring.
  var flags: CInt = 0

  var length: Int { vectors.reduce(0) { $0 + $1.iov_len } }

  /// Does it, by a plain system call, for `limit` bytes at most: a count or a negative errno.
  func perform(atMost limit: Int = .max) -> Int {
    var left = limit
    var vectors: [iovec] = []
    for vector in self.vectors where left > 0 {
      vectors.append(iovec(iov_base: vector.iov_base, iov_len: min(vector.iov_len, left)))
      left -= min(vector.iov_len, left)
    }
    let result: Int
    let isStream = offset < 0
    switch kind {
    case .read where isStream: result = readv(descriptor, vectors, CInt(vectors.count))
    case .write where isStream: result = writev(descriptor, vectors, CInt(vectors.count))
    case .read: result = preadv(descriptor, vectors, CInt(vectors.count), off_t(offset))
    case .write: result = pwritev(descriptor, vectors, CInt(vectors.count), off_t(offset))
    case .synchronize: result = Int(fsync(descriptor))
    case .other: result = 0
    }
    return result >= 0 ? result : -Int(errno)
  }
}

enum Answer: Equatable {
  /// Does it, and tells the truth.
  case perform
  /// Does so many bytes of it.
  case short(Int)
  /// Does nothing.
  case error(CInt)
  /// The same, but Linux AIO tells at once instead of with a completion.
  case refuse(CInt)
  /// Does it, and claims to have done so many bytes more.
  case boast(Int)
  /// Nothing, until it is released.
  case hold
}

/// What the kernel says of a submission as a whole.
enum Submission {
  case error(CInt)
  /// So many entries are taken, and not the rest.
  case accept(Int)
}

final class Script: @unchecked Sendable {
  private let lock = Lock()
  private var answers: [Piece.Kind: [Answer]] = [:]
  private var submissions: [Submission] = []
  private var permanentError: CInt?
  private var asked: [Piece] = []
  private var isReleased = false

  /// What the next ones of a kind are answered, in order; those after them are performed.
  func answer(_ kind: Piece.Kind, _ answers: [Answer]) {
    lock.withLock { self.answers[kind] = answers }
  }

  func answerSubmissions(_ submissions: [Submission]) {
    lock.withLock { self.submissions = submissions }
  }

  /// Every submission fails with this, until it is nil again.
  func failSubmissions(_ error: CInt?) {
    lock.withLock { permanentError = error }
  }

  /// Whether everything was said that was to be.
  var isSpent: Bool {
    lock.withLock { submissions.isEmpty && answers.values.allSatisfy { $0.isEmpty } }
  }

  /// All that was asked for since it was last forgotten.
  var pieces: [Piece] { lock.withLock { asked } }
  /// By which doors it came.
  var ways: [Piece.Way] { pieces.map { $0.way } }
  func forget() { lock.withLock { asked = [] } }

  // MARK: The fake kernel's side

  func next(_ piece: Piece) -> Answer {
    lock.withLock {
      asked.append(piece)
      guard let first = answers[piece.kind]?.first else { return .perform }
      answers[piece.kind]!.removeFirst()
      if first != .perform { Tally.countFault() }
      return first
    }
  }

  /// It was not the time for that: the last question was not asked.
  func takeBack(_ piece: Piece, _ answer: Answer) {
    lock.withLock {
      asked.removeLast()
      if answer != .perform { Tally.countFault(-1) }
      answers[piece.kind, default: []].insert(answer, at: 0)
    }
  }

  func nextSubmission() -> Submission? {
    lock.withLock {
      if permanentError != nil || !submissions.isEmpty { Tally.countFault() }
      if let permanentError { return .error(permanentError) }
      return submissions.isEmpty ? nil : submissions.removeFirst()
    }
  }

  /// Workers that are held go on.
  func release() { lock.withLock { isReleased = true } }
  var mayGoOn: Bool { lock.withLock { isReleased } }

  /// What comes of a piece; nil if it is held.
  static func result(_ answer: Answer, _ piece: Piece) -> Int? {
    switch answer {
    case .perform: return piece.perform()
    case .short(let count): return piece.perform(atMost: count)
    case .error(let code), .refuse(let code): return -Int(code)
    case .boast(let more): return piece.perform() + more
    case .hold: return nil
    }
  }
}

func ways(_ way: Piece.Way, _ count: Int) -> [Piece.Way] { Array(repeating: way, count: count) }
