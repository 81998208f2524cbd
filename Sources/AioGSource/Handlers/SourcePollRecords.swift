// The GPollFDs that the poll monitor hands to a GSource. GLib knows them by address and may read them until the source
// is finalized, whoever destroys it, so they belong to the source and not to the handlers they stand for.
//
// Under the handler table's lock, but for deinit, which the source's finalization runs.

import CGLib
import CLiburing

final class SourcePollRecords {
  struct Node {
    // First: GLib is given the node's address for it.
    var base: GPollFD
    var handler: Handler?
    var next: Record?
    var previous: Record?
  }

  typealias Record = UnsafeMutablePointer<Node>

  private(set) var first: Record?

  deinit {
    var cursor = first
    while let record = cursor {
      cursor = record.pointee.next
      record.deallocate()
    }
  }

  func add(_ handler: Handler, to source: UnsafeMutablePointer<GSource>) -> Record? {
    if g_source_is_destroyed(source) != 0 { return nil }
    let record = Record.allocate(capacity: 1)
    record.initialize(
      to: Node(
        base: GPollFD(
          fd: handler.pointee.descriptor, events: gushort(handler.pointee.interest), revents: 0),
        handler: handler, next: first, previous: nil))
    first?.pointee.previous = record
    first = record
    g_source_add_poll(source, Self.base(of: record))
    return record
  }

  func remove(_ record: Record, from source: UnsafeMutablePointer<GSource>) {
    if g_source_is_destroyed(source) != 0 {
      // GLib is taking its polls down itself, maybe right now: the memory has to stay.
      record.pointee.handler = nil
      return
    }
    g_source_remove_poll(source, Self.base(of: record))
    if let previous = record.pointee.previous {
      previous.pointee.next = record.pointee.next
    } else {
      first = record.pointee.next
    }
    record.pointee.next?.pointee.previous = record.pointee.previous
    record.deallocate()
  }

  private static func base(of record: Record) -> UnsafeMutablePointer<GPollFD> {
    UnsafeMutableRawPointer(record).assumingMemoryBound(to: GPollFD.self)
  }
}
