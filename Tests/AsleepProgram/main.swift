// Sleeps in a context's wait, under the driver and over the monitor that the arguments name, until SIGALRM ends the
// process a second after it has written a line. For IdleSecondTests, which look on from outside.
//
//     AsleepProgram poll|glib io_uring|epoll|poll

import AioGSource
import Glibc
import SystemPackage

let words = CommandLine.arguments
let monitor = MonitorKind.allCases.first { "\($0)" == words[2] }!
let context = try AioContext(name: "asleep", configuration: .init(monitor: .demanded(monitor)))
precondition(context.monitor == monitor)
let mainContext = words[1] == "glib" ? MainContext() : nil
if let mainContext { try context.attach(to: mainContext) }

let notifier = try EventNotifier()
try context.setHandler(for: notifier, onReadable: { $0.testAndClear() })
let timer = context.makeTimer {}
timer.arm(after: .seconds(3600))

func iterate(blocking: Bool) {
  if let mainContext {
    mainContext.iteration(mayBlock: blocking)
  } else {
    context.poll(blocking: blocking)
  }
}

for _ in 0..<10 { iterate(blocking: false) }
alarm(1)
_ = "asleep\n".withCString { write(1, $0, strlen($0)) }
while true { iterate(blocking: true) }
