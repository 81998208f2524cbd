// An AioContext beside other GLib sources in one GMainLoop: a timer, a bottom half from another thread, and the end.
import AioGSource
import Foundation

let context = try AioContext(name: "hello")
try context.attach()  // to the default GMainContext
let loop = MainLoop()

let tick = context.makeTimer(name: "tick") {
  print("300 µs later")
}
tick.arm(after: .microseconds(300))

Thread.detachNewThread {
  Thread.sleep(forTimeInterval: 0.01)
  context.schedule {
    print("scheduled by another thread, run by the loop, which waits with \(context.monitor)")
    loop.quit()
  }
}
loop.run()
