// What a handshake came to: all that the transmission phase has to know of it.

/// What a client and the server agreed on.
public struct Session: Sendable, Hashable {
  /// The export that was entered, with the flags that the client was told.
  public let export: ExportDescription
  /// Whether reads are answered in chunks, and other replies may be.
  public let structuredReplies: Bool
  /// The number by which the client knows `base:allocation`; nil if it did not select it.
  public let allocationContext: UInt32?

  /// - Parameter export: gets `sendDoNotFragment` where structured replies are on.
  public init(export: ExportDescription, structuredReplies: Bool, allocationContext: UInt32?) {
    var export = export
    if structuredReplies { export.flags.insert(.sendDoNotFragment) }
    self.export = export
    self.structuredReplies = structuredReplies
    self.allocationContext = structuredReplies ? allocationContext : nil
  }
}
