// What the server says of itself, in D-Bus's words. Keys that are there stay; new ones may come.

import NBDServer

extension Counters {
  var dictionary: BusDictionary {
    [
      "reads": .number(reads), "writes": .number(writes), "flushes": .number(flushes),
      "other": .number(other), "errors": .number(errors), "bytes-read": .number(bytesRead),
      "bytes-written": .number(bytesWritten),
    ]
  }
}

extension ExportStatus {
  var dictionary: BusDictionary {
    [
      "name": .string(name), "path": .string(path), "size": .number(size),
      "read-only": .boolean(isReadOnly), "connections": .count(connections),
    ] + counters.dictionary
  }
}

extension ConnectionStatus {
  var dictionary: BusDictionary {
    [
      "id": .number(identifier), "export": .string(export), "peer": .string(peer),
      "thread": .string(thread), "in-flight": .count(requestsInFlight),
    ] + counters.dictionary
  }
}

extension ServerControl {
  /// Exports that were removed are not in it any more.
  var totals: BusDictionary {
    let exports = self.exports
    let counters = exports.reduce(Counters()) { $0 + $1.counters }
    return ["exports": .count(exports.count), "connections": .count(connections.count)]
      + counters.dictionary
  }
}
