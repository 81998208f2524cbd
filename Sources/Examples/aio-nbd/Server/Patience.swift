// How long a worker polls for its clients' next requests before it sleeps. To be woken costs a thread more than a small
// read does; but who polls holds a processor, which the client may need itself.

import AioGSource
import CGLib

enum Patience {
  /// - Parameters:
  ///   - busy: how many workers have a connection.
  ///   - processors: how many this process may run on.
  static func parameters(busy: Int, processors: Int) -> PollingParameters {
    if processors < 2 { return .disabled }
    // As long as a client that is woken on a processor of its own may take.
    if busy * 2 <= processors { return PollingParameters(maximum: .microseconds(200)) }
    return .ioThread
  }

  static var processors: Int { Int(g_get_num_processors()) }
}
