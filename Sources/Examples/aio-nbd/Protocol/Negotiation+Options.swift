// What each option does, and what is replied to it.

extension Negotiation {
  /// - Parameter data: nil if there was more than an option may have.
  mutating func respond(
    to code: UInt32, _ data: [UInt8]?, _ catalog: some ExportCatalog,
    _ writer: inout OptionReplyWriter
  ) -> Outcome {
    let option = NegotiationOption(rawValue: code)
    if option == .abort {
      writer.acknowledge()
      return .closed(reason: nil)
    }
    if option == .exportName {
      return enterByName(data, catalog, &writer)
    }
    // Whatever becomes of it, the option takes back the selection made before.
    if option == .setMetaContext { allocationExport = nil }
    if isShuttingDown {
      writer.refuse(.shutdown, "the server is shutting down")
      return .needsMore
    }
    guard let data else {
      writer.refuse(.tooBig, "the option is too long")
      return .needsMore
    }
    switch option {
    case .list: list(data, catalog, &writer)
    case .info: _ = inform(data, entering: false, catalog, &writer)
    case .go:
      if let export = inform(data, entering: true, catalog, &writer) {
        return .transmission(session(of: export))
      }
    case .structuredReply:
      if data.isEmpty {
        structuredReplies = true
        writer.acknowledge()
      } else {
        writer.refuse(.invalid, "the option has no data")
      }
    case .listMetaContext: listMetaContexts(data, catalog, &writer)
    case .setMetaContext: setMetaContexts(data, catalog, &writer)
    case .peekExport, .startTLS, .exportName, .abort, nil:
      writer.refuse(.unsupported, "the option is not supported")
    }
    return .needsMore
  }

  private func session(of export: ExportDescription) -> Session {
    Session(
      export: export, structuredReplies: structuredReplies,
      allocationContext: allocationExport == export.name ? Self.allocationContextID : nil)
  }

  /// `NBD_OPT_EXPORT_NAME`, which can only be answered with the export or by closing.
  private func enterByName(
    _ data: [UInt8]?, _ catalog: some ExportCatalog, _ writer: inout OptionReplyWriter
  ) -> Outcome {
    if isShuttingDown { return .closed(reason: "the server is shutting down") }
    guard let data else { return .closed(reason: "the name of an export is too long") }
    var reader = OptionReader(data)
    guard let name = reader.string(length: data.count) else {
      return .closed(reason: "the name of an export is none")
    }
    guard let export = catalog.export(named: name) else {
      let shown = name.unicodeScalars.prefix(64).map { $0.escaped(asASCII: true) }.joined()
      return .closed(reason: "there is no export '\(shown)'")
    }
    if needsBlockSize(export) {
      return .closed(reason: "the client did not ask for the block size of the export")
    }
    let session = session(of: export)
    writer.raw {
      $0.appendBigEndian(export.size)
      $0.appendBigEndian(session.export.flags.rawValue)
      if !noZeroes { $0.append(contentsOf: repeatElement(0, count: 124)) }
    }
    return .transmission(session)
  }

  /// Whether a client that knows nothing of block sizes would break this export's: without being told it keeps to
  /// sectors of 512 bytes.
  private func needsBlockSize(_ export: ExportDescription) -> Bool {
    export.minimumBlock > 512 && blockSizeExport != export.name
  }

  private func list(
    _ data: [UInt8], _ catalog: some ExportCatalog, _ writer: inout OptionReplyWriter
  ) {
    guard data.isEmpty else { return writer.refuse(.invalid, "the option has no data") }
    for name in catalog.names {
      guard let export = catalog.export(named: name) else { continue }
      let length = 24 + export.name.utf8.count + export.description.utf8.count
      guard writer.length + length <= limits.listLength else {
        return writer.refuse(.tooBig, "there are more exports")
      }
      writer.reply(.server) {
        $0.appendBigEndian(UInt32(export.name.utf8.count))
        $0.append(contentsOf: export.name.utf8)
        $0.append(contentsOf: export.description.utf8)
      }
    }
    writer.acknowledge()
  }

  /// `NBD_OPT_INFO` and `NBD_OPT_GO`: says what the client asked for, and returns the export if there is one.
  private mutating func inform(
    _ data: [UInt8], entering: Bool, _ catalog: some ExportCatalog,
    _ writer: inout OptionReplyWriter
  ) -> ExportDescription? {
    guard let (name, wanted) = Self.readInformationRequest(data) else {
      writer.refuse(.invalid, "the option's lengths or strings are not valid")
      return nil
    }
    guard let export = catalog.export(named: name) else {
      writer.refuse(.unknownExport, "there is no such export")
      return nil
    }
    let lacksBlockSize: Bool
    if wanted.contains(.blockSize) {
      blockSizeExport = export.name
      lacksBlockSize = false
    } else {
      lacksBlockSize = entering && needsBlockSize(export)
    }
    let flags = session(of: export).export.flags
    writer.information(.export) {
      $0.appendBigEndian(export.size)
      $0.appendBigEndian(flags.rawValue)
    }
    if wanted.contains(.name) {
      writer.information(.name) { $0.append(contentsOf: export.name.utf8) }
    }
    if wanted.contains(.description), !export.description.isEmpty {
      writer.information(.description) { $0.append(contentsOf: export.description.utf8) }
    }
    if wanted.contains(.blockSize) || lacksBlockSize {
      writer.information(.blockSize) {
        $0.appendBigEndian(export.minimumBlock)
        $0.appendBigEndian(export.preferredBlock)
        $0.appendBigEndian(export.maximumPayload)
      }
    }
    if lacksBlockSize {
      writer.refuse(.blockSizeRequired, "ask for the block size of this export first")
      return nil
    }
    writer.acknowledge()
    return export
  }

  /// The name, and what is to be told; kinds of information that are not known here are left out.
  private static func readInformationRequest(
    _ data: [UInt8]
  ) -> (name: String, wanted: Set<InformationType>)? {
    var reader = OptionReader(data)
    guard let name = reader.string(), let count = reader.number(UInt16.self) else { return nil }
    var wanted: Set<InformationType> = []
    for _ in 0..<count {
      guard let code = reader.number(UInt16.self) else { return nil }
      if let type = InformationType(rawValue: code) { wanted.insert(type) }
    }
    return reader.isAtEnd ? (name, wanted) : nil
  }
}
