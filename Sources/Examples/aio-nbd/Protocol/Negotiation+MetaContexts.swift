// Metadata contexts: there is one, `base:allocation`. Selecting it replaces what was selected before, even where the
// new selection fails, and counts for the export that it names only.

extension Negotiation {
  /// The number by which clients know `base:allocation`.
  static let allocationContextID: UInt32 = 1
  private static let namespace = "base:"
  private static let allocation = "base:allocation"

  /// `NBD_OPT_LIST_META_CONTEXT`: no query, or the bare namespace, asks for all there is.
  func listMetaContexts(
    _ data: [UInt8], _ catalog: some ExportCatalog, _ writer: inout OptionReplyWriter
  ) {
    guard let (_, queries) = readQueries(data, catalog, &writer) else { return }
    if queries.isEmpty || queries.contains(Self.allocation) || queries.contains(Self.namespace) {
      replyAllocation(id: 0, &writer)
    }
    writer.acknowledge()
  }

  /// `NBD_OPT_SET_META_CONTEXT`: selects what is named in full.
  mutating func setMetaContexts(
    _ data: [UInt8], _ catalog: some ExportCatalog, _ writer: inout OptionReplyWriter
  ) {
    guard let (export, queries) = readQueries(data, catalog, &writer) else { return }
    if queries.contains(Self.allocation) {
      allocationExport = export.name
      replyAllocation(id: Self.allocationContextID, &writer)
    }
    writer.acknowledge()
  }

  private func replyAllocation(id: UInt32, _ writer: inout OptionReplyWriter) {
    writer.reply(.metaContext) {
      $0.appendBigEndian(id)
      $0.append(contentsOf: Self.allocation.utf8)
    }
  }

  /// The export that is asked about, and the queries; nil after an error was replied.
  private func readQueries(
    _ data: [UInt8], _ catalog: some ExportCatalog, _ writer: inout OptionReplyWriter
  ) -> (ExportDescription, [String])? {
    guard structuredReplies else {
      writer.refuse(.invalid, "structured replies have to be negotiated first")
      return nil
    }
    guard let (name, queries) = Self.parseQueries(data) else {
      writer.refuse(.invalid, "the option's lengths or strings are not valid")
      return nil
    }
    guard let export = catalog.export(named: name) else {
      writer.refuse(.unknownExport, "there is no such export")
      return nil
    }
    return (export, queries)
  }

  private static func parseQueries(_ data: [UInt8]) -> (name: String, queries: [String])? {
    var reader = OptionReader(data)
    guard let name = reader.string(), let count = reader.number(UInt32.self) else { return nil }
    var queries: [String] = []
    for _ in 0..<count {
      // Each query starts with its namespace.
      guard let query = reader.string(), query.utf8.contains(UInt8(ascii: ":")) else { return nil }
      queries.append(query)
    }
    return reader.isAtEnd ? (name, queries) : nil
  }
}
