// Who waits for a lock, first come first served: a value without threads. Its owner changes it under a lock of its own,
// and resumes outside of that lock those whom `takeResumable` and `cancel` hand out.
//
// Each wait has three steps: `join` takes a place and gives the ticket, so that a cancellation at any later moment
// knows what to take out; `suspend` brings the waiter, that is, what resumes it; then its turn comes (`grantFirst`), or
// it is cancelled. Either may come before it has suspended, and `suspend` says so. Of the two the first counts, and the
// other finds the ticket used up: every ticket ends exactly once.
//
// Places are used again: it allocates only when more wait at once than ever before.

struct WaiterQueue<Kind, Waiter> {
  /// One wait of one waiter.
  struct Ticket: Hashable, Sendable {
    fileprivate let place: Int
    fileprivate let use: UInt32
  }

  enum Suspension: Equatable {
    case wait
    /// Its turn came before it suspended.
    case granted
    /// It was cancelled before it suspended.
    case cancelled
  }

  enum Cancellation {
    /// Its turn came first.
    case tooLate
    /// It has left the queue, and is to be resumed; nil: it has not suspended yet, and will be told when it does.
    case left(Waiter?)
  }

  private struct Place {
    enum Phase {
      case free
      case queued
      /// Its turn came, and nobody has taken it to resume it yet.
      case resumable
      /// Its turn came before it suspended.
      case granted
      case cancelled
    }

    var phase: Phase
    var use: UInt32 = 0
    var kind: Kind
    var waiter: Waiter?
    var next = none
    var previous = none
  }

  private static var none: Int { -1 }

  /// Linked through the places.
  private struct List {
    private(set) var first = none
    private var last = none

    mutating func append(_ place: Int, in places: inout ContiguousArray<Place>) {
      places[place].next = none
      places[place].previous = last
      if last == none { first = place } else { places[last].next = place }
      last = place
    }

    mutating func remove(_ place: Int, in places: inout ContiguousArray<Place>) {
      let (previous, next) = (places[place].previous, places[place].next)
      if previous == none { first = next } else { places[previous].next = next }
      if next == none { last = previous } else { places[next].previous = previous }
    }
  }

  private var places: ContiguousArray<Place> = []
  private var queue = List()
  private var resumable = List()
  /// The place that was left last; the others follow by `next`.
  private var free = none

  /// How many wait for their turn.
  private(set) var count = 0

  var isEmpty: Bool { queue.first == Self.none }

  /// What the first in the queue wants.
  var first: Kind? { isEmpty ? nil : places[queue.first].kind }

  /// Joins the queue at its end. `suspend` has to follow, whatever happens in between.
  mutating func join(_ kind: Kind) -> Ticket {
    let place = free == Self.none ? places.count : free
    if place == places.count {
      places.append(Place(phase: .queued, kind: kind))
    } else {
      free = places[place].next
      places[place].phase = .queued
      places[place].kind = kind
    }
    queue.append(place, in: &places)
    count += 1
    return Ticket(place: place, use: places[place].use)
  }

  mutating func suspend(_ ticket: Ticket, _ waiter: Waiter) -> Suspension {
    switch places[ticket.place].phase {
    case .granted:
      leave(ticket.place)
      return .granted
    case .cancelled:
      leave(ticket.place)
      return .cancelled
    case .queued:
      places[ticket.place].waiter = waiter
      return .wait
    case .resumable, .free:
      preconditionFailure("a waiter suspended twice with one ticket")
    }
  }

  mutating func cancel(_ ticket: Ticket) -> Cancellation {
    let place = ticket.place
    guard places[place].use == ticket.use, places[place].phase == .queued else { return .tooLate }
    queue.remove(place, in: &places)
    count -= 1
    guard let waiter = places[place].waiter else {
      places[place].phase = .cancelled
      return .left(nil)
    }
    leave(place)
    return .left(waiter)
  }

  /// It is the turn of the first in the queue, which leaves it. The queue must not be empty.
  mutating func grantFirst() {
    let place = queue.first
    queue.remove(place, in: &places)
    count -= 1
    if places[place].waiter == nil {
      places[place].phase = .granted
    } else {
      places[place].phase = .resumable
      resumable.append(place, in: &places)
    }
  }

  /// The next one whose turn came and that has suspended: to be resumed by the caller. In the order of their turns.
  mutating func takeResumable() -> Waiter? {
    let place = resumable.first
    if place == Self.none { return nil }
    resumable.remove(place, in: &places)
    let waiter = places[place].waiter
    leave(place)
    return waiter
  }

  /// The place is free for another, and the ticket that was for it ends nothing any more.
  private mutating func leave(_ place: Int) {
    places[place].phase = .free
    places[place].use &+= 1
    places[place].waiter = nil
    places[place].next = free
    free = place
  }
}
