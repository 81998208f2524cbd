// The handshake of a connection: the protocol's state machine, fed from the socket, within a time. On its context.

import AioGSource
import NBDProtocol
import SystemPackage

extension Connection {
  enum HandshakeEnd {
    case transmission(Session, Export)
    /// And why, unless the client wanted it so.
    case closed(String?)
  }

  func handshake() async -> HandshakeEnd {
    let timer = worker.context.makeTimer(name: "nbd handshake") { [unowned self] in
      cut(because: "did not finish its handshake within \(limits.handshake)")
    }
    timer.arm(after: limits.handshake)
    defer { timer.cancel() }
    do throws(Errno) {
      return try await negotiate()
    } catch {
      return .closed("in the handshake: \(error)")
    }
  }

  private func negotiate() async throws(Errno) -> HandshakeEnd {
    var negotiation = Negotiation()
    try await send(negotiation.greeting())
    while true {
      negotiation.isShuttingDown = isStopping
      var answer: [UInt8] = []
      let (consumed, outcome) = inbox.withBytes {
        negotiation.receive($0, catalog: table, replies: &answer)
      }
      inbox.drop(consumed)
      if case .closed(nil) = outcome {
        // Who takes leave need not wait for the answer.
        try? await send(answer)
        return .closed(nil)
      }
      if !answer.isEmpty { try await send(answer) }
      switch outcome {
      case .needsMore:
        if consumed == 0 || inbox.count == 0 {
          guard try await inbox.fill() else {
            return .closed(isStopping ? nil : "went away in the handshake")
          }
        }
      case .closed(let reason): return .closed(reason)
      case .transmission(let session):
        // It may have been removed since it was looked up.
        guard let export = table[session.export.name], export.matches(session.export) else {
          return .closed("asked for an export that is gone")
        }
        return .transmission(session, export)
      }
    }
  }

  private func send(_ bytes: [UInt8]) async throws(Errno) {
    try await engine.sendAll(on: socket, from: AIOBuffer(bytes))
  }
}
