// The exports by name, as connections look them up on their threads. Any thread.

import NBDProtocol
import Synchronization

final class ExportTable: Sendable {
  private let table = Mutex<[String: Export]>([:])
  /// What clients get that name none.
  private let defaultName = Mutex<String?>(nil)

  var all: [Export] { table.withLock { $0.values.sorted { $0.name < $1.name } } }

  func add(_ export: Export) throws(ControlError) {
    let isNew = table.withLock { table in
      if table[export.name] != nil { return false }
      table[export.name] = export
      return true
    }
    if !isNew { throw ControlError(.exists, "there is an export '\(export.name)' already") }
    defaultName.withLock { if $0 == nil { $0 = export.name } }
  }

  func remove(_ name: String) throws(ControlError) -> Export {
    guard let export = table.withLock({ $0.removeValue(forKey: name) }) else {
      throw ControlError(.unknown, "there is no export '\(name)'")
    }
    let first = all.first?.name
    defaultName.withLock { if $0 == name { $0 = first } }
    return export
  }

  /// The export of that name; of the empty name the one that was there first, unless one is called that.
  subscript(name: String) -> Export? {
    let name =
      name.isEmpty && table.withLock { $0[""] == nil } ? defaultName.withLock { $0 } ?? "" : name
    return table.withLock { $0[name] }
  }
}

extension ExportTable: ExportCatalog {
  var names: [String] { all.map { $0.name } }

  func export(named name: String) -> ExportDescription? { self[name]?.description }
}
