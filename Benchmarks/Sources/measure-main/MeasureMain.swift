// The peer of the rows mainactor.*: an asynchronous main as Swift has it, on libdispatch's own main queue, with nothing of
// ours in the program.
//
//     measure-main hop|spawn|resume [--quick]

import Dispatch
import Measuring

@main struct MeasureMain {
  static func main() async {
    if Arguments.row == "resume" {
      print(await perOperation { await resumptions($0) })
    } else if let body = mainActorBody(Arguments.row) {
      print(await perOperation(body))
    } else {
      fail("there is no row '\(Arguments.row)'")
    }
  }
}

/// A task of the main actor, resumed by a block of the main queue.
@MainActor private func resumptions(_ count: Int) async {
  for _ in 0..<count {
    await withUnsafeContinuation { continuation in
      DispatchQueue.main.async { continuation.resume() }
    }
  }
}
