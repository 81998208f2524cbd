// Whether a request may be served, by the rules of the specification. A function of the request and the session, so
// that the server only ever sees requests that lie inside their export.
//
// The order of the rules decides which error a request gets that breaks several: what would lose the client's step
// first, then shutdown, then whether the command is known and permitted, and its flags and its range last.

/// What is to be done about a request.
public enum Verdict: Sendable, Hashable {
  /// Serve it. Its range lies inside the export; a write's payload follows.
  case perform(Command)
  /// Answer with an error, after skipping so many bytes of payload.
  case refuse(NBDError, String, payload: Int)
  /// End the connection: the client's own wish if there is no reason.
  case disconnect(reason: String?)
}

extension Session {
  /// In bytes. The payload of a write that is refused is skipped up to here, or to what the export takes if that is
  /// more; beyond, the client is attacking.
  static let skippedPayload: UInt32 = 32 << 20

  /// Says what is to be done about a request.
  ///
  /// - Parameter isShuttingDown: whether the server takes no more requests.
  public func judge(_ request: Request, isShuttingDown: Bool = false) -> Verdict {
    let command = Command(rawValue: request.type)
    if command == .disconnect { return .disconnect(reason: nil) }
    if command == .write, request.length > max(export.maximumPayload, Self.skippedPayload) {
      return .disconnect(reason: "a write is far longer than the maximum payload")
    }
    let payload = command == .write ? Int(request.length) : 0
    if isShuttingDown {
      return .refuse(.shutdown, "the server is shutting down", payload: payload)
    }
    guard let command, offers(command) else {
      if export.flags.contains(.readOnly), command?.writes == true {
        return .refuse(.permission, "the export is read-only", payload: payload)
      }
      return .refuse(.invalid, "the command is not offered", payload: payload)
    }
    if let (error, message) = objection(to: request, as: command) {
      return .refuse(error, message, payload: payload)
    }
    return .perform(command)
  }

  /// Whether the client was told that it may use a command.
  private func offers(_ command: Command) -> Bool {
    switch command {
    case .read, .disconnect: true
    case .write: !export.flags.contains(.readOnly)
    case .flush: export.flags.contains(.sendFlush)
    case .trim: export.flags.contains(.sendTrim) && !export.flags.contains(.readOnly)
    case .cache: export.flags.contains(.sendCache)
    case .writeZeroes:
      export.flags.contains(.sendWriteZeroes) && !export.flags.contains(.readOnly)
    case .blockStatus: allocationContext != nil
    }
  }

  private func objection(to request: Request, as command: Command) -> (NBDError, String)? {
    if !request.flags.isSubset(of: flags(for: command)) {
      return (.invalid, "a flag is not allowed with this command")
    }
    if command == .flush {
      return request.offset == 0 && request.length == 0
        ? nil : (.invalid, "a flush has an offset or a length")
    }
    if request.length == 0 { return (.invalid, "the length is 0") }
    let (end, overflow) = request.offset.addingReportingOverflow(UInt64(request.length))
    if overflow || end > export.size {
      let error: NBDError = command == .write || command == .writeZeroes ? .noSpace : .invalid
      return (error, "the range lies beyond the end of the export")
    }
    let mask = UInt64(export.minimumBlock - 1)
    if (request.offset | UInt64(request.length)) & mask != 0 {
      return (.invalid, "the range is not aligned to the minimum block")
    }
    if command == .read || command == .write, request.length > export.maximumPayload {
      let error: NBDError = request.flags.contains(.doNotFragment) ? .overflow : .invalid
      return (error, "the length is greater than the maximum payload")
    }
    return nil
  }

  /// The flags that may be set with a command.
  private func flags(for command: Command) -> CommandFlags {
    var allowed: CommandFlags = export.flags.contains(.sendFUA) ? .fua : []
    switch command {
    case .read:
      if export.flags.contains(.sendDoNotFragment) { allowed.insert(.doNotFragment) }
    case .writeZeroes:
      allowed.insert(.noHole)
      if export.flags.contains(.sendFastZero) { allowed.insert(.fastZero) }
    case .blockStatus: allowed.insert(.oneExtent)
    case .write, .disconnect, .flush, .trim, .cache: break
    }
    return allowed
  }
}

extension Command {
  /// Whether a read-only export refuses it.
  var writes: Bool { self == .write || self == .trim || self == .writeZeroes }
}
