// What a loop must do, may do and must not do, so simple that it is seen to be right: told of what is asked of a loop and of
// what that calls, it says what was called wrongly, and in the end what was not called. Contract 5, 6, 7, 11, 18.
//
// A class: a test makes a wrong one, to see that it is found.

class WalkReference {
  /// Of bottom halves and of those that run once.
  enum Ticket: Hashable {
    case bottomHalf(Int, generation: Int)
    case once(Int)
  }

  private struct Queued {
    let ticket: Ticket
    /// False where a cancelled one, scheduled again, may have kept its place.
    let isPlaceKnown: Bool
  }

  private struct Timer {
    let deadline: Int64
    let order: Int
  }

  private var queue: [Queued] = []
  private var mayHavePlace: Set<Ticket> = []
  private var timers: [Int: Timer] = [:]
  private var timerOrder = 0
  /// The generation of what is registered, and how many bytes there are to be read.
  private var registered: [Int: Int] = [:]
  private var bytes: [Int: Int] = [:]
  private var disabled = 0
  private var requests: Set<Int> = []
  private(set) var finished: Set<Int> = []

  required init() {}

  // MARK: Bottom halves

  func schedule(_ ticket: Ticket) {
    if queue.contains(where: { $0.ticket == ticket }) { return }
    queue.append(Queued(ticket: ticket, isPlaceKnown: !mayHavePlace.contains(ticket)))
  }

  func cancel(_ ticket: Ticket) {
    if queue.contains(where: { $0.ticket == ticket }) { mayHavePlace.insert(ticket) }
    queue.removeAll { $0.ticket == ticket }
  }

  func called(_ ticket: Ticket) -> String? {
    guard let place = queue.firstIndex(where: { $0.ticket == ticket }) else {
      return "\(ticket) was called without being scheduled"
    }
    let isKnown = queue[place].isPlaceKnown
    let earlier = queue[..<place].first { $0.isPlaceKnown }
    queue.remove(at: place)
    mayHavePlace.remove(ticket)
    if isKnown, let earlier { return "\(ticket) was called before \(earlier.ticket)" }
    return nil
  }

  // MARK: Timers

  func arm(_ slot: Int, _ deadline: Int64) {
    timerOrder += 1
    timers[slot] = Timer(deadline: deadline, order: timerOrder)
  }

  func disarm(_ slot: Int) {
    timers[slot] = nil
  }

  /// - Parameters:
  ///   - now: the time on its clock; nil where that jumped back.
  ///   - neighbours: the other timers on its clock.
  func fired(_ slot: Int, now: Int64?, neighbours: [Int]) -> String? {
    guard let timer = timers.removeValue(forKey: slot) else {
      return "timer \(slot) was called without being armed"
    }
    if let now, now < timer.deadline { return "timer \(slot) was called too early" }
    for neighbour in neighbours {
      guard let other = timers[neighbour] else { continue }
      if (other.deadline, other.order) < (timer.deadline, timer.order) {
        return "timer \(slot) was called before timer \(neighbour)"
      }
    }
    return nil
  }

  // MARK: Handlers

  func add(_ slot: Int, generation: Int) {
    registered[slot] = generation
  }

  func remove(_ slot: Int) {
    registered[slot] = nil
  }

  func fill(_ slot: Int, _ count: Int) {
    bytes[slot, default: 0] += count
  }

  func disable() { disabled += 1 }
  func enable() { disabled -= 1 }
  var isDisabled: Bool { disabled > 0 }

  func called(handler slot: Int, generation: Int, isExternal: Bool) -> String? {
    if registered[slot] != generation { return "handler \(slot) was called after its removal" }
    if isExternal && isDisabled { return "handler \(slot) was called while it is disabled" }
    if bytes[slot, default: 0] == 0 { return "handler \(slot) was called for nothing" }
    bytes[slot]! -= 1
    return nil
  }

  // MARK: Requests

  func request(_ number: Int) {
    requests.insert(number)
  }

  func completed(_ number: Int) -> String? {
    finished.insert(number)
    return requests.remove(number) == nil ? "request \(number) completed twice" : nil
  }

  // MARK: The end

  /// What has still to be called.
  var outstanding: [String] {
    queue.map { "\($0.ticket)" } + timers.keys.map { "timer \($0)" }
      + registered.keys.filter { bytes[$0, default: 0] > 0 }.map { "handler \($0)" }
      + requests.map { "request \($0)" }
  }
}
