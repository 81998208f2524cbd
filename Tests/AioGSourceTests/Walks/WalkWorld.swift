// A loop that a random walk goes over, and the reference that is told of everything. The thread that makes it is the
// context's home, and runs all of it.

import CGLib
import Glibc
import SystemPackage

@testable import AioGSource

final class WalkWorld: @unchecked Sendable {
  /// What was wrong first.
  private(set) var violation: String?

  private let setting: WalkSetting
  private let kernel: FaultyKernel
  private let makeReference: () -> WalkReference
  private let file: TestFile
  private let mainContext = MainContext()

  // Of the context there is.
  private var context: AioContext!
  private var reference: WalkReference
  private var start: Int64 = 0
  private var wallStart: Int64 = 0
  private var generation = 0
  private var bottomHalves: [Int: (BottomHalf, WalkReference.Ticket)] = [:]
  private var timers: [Int: AioTimer] = [:]
  private var pipes: [Pair] = []
  private var quiet = Pair.sockets()
  private var requests: [(number: Int, kind: WalkStep.Request, handle: AIORequest)] = []
  private var plans: [WalkStep.Source: [WalkStep]] = [:]
  private var isAsking = false
  private var hasJumpedBack = false
  private var isOver = false

  init(
    _ setting: WalkSetting, reference: @escaping () -> WalkReference, file: TestFile
  ) throws {
    self.setting = setting
    self.file = file
    makeReference = reference
    self.reference = reference()
    kernel = FaultyKernel(ringEntries: setting.ringEntries)
    try begin()
  }

  func take(_ steps: [WalkStep]) throws {
    for step in steps where violation == nil {
      if step == .renew {
        try end()
        try begin()
      } else {
        perform(step)
      }
    }
    try end()
  }

  private func expect(_ complaint: String?) {
    if violation == nil { violation = complaint }
  }

  // MARK: From beginning to end

  private func begin() throws {
    reference = makeReference()
    kernel.calm()
    context = try AioContext(
      name: "walk", configuration: .init(monitor: .demanded(setting.monitor)), kernel: kernel)
    pipes = (0..<WalkStep.slots).map { _ in Pair.pipe() }
    if setting.driver == .glib { try context.attach(to: mainContext) }
    start = kernel.monotonicNow
    wallStart = kernel.now(on: .host)
    hasJumpedBack = false
    isOver = false
  }

  /// Nothing goes wrong any more, and what has still to be called is; then the context goes.
  private func end() throws {
    kernel.calm()
    makeWay()
    let isLate = Flag()
    let guardian = context.makeTimer(name: "end of a walk") { isLate.set() }
    guardian.arm(after: .seconds(3))
    while violation == nil && !reference.outstanding.isEmpty && !isLate.isSet {
      iterate(blocking: true)
      makeWay()
    }
    guardian.cancel()
    if violation == nil && !reference.outstanding.isEmpty {
      expect("never called: " + reference.outstanding.sorted().joined(separator: ", "))
    }
    for _ in 0..<3 where violation == nil { iterate(blocking: false) }
    plans = [:]
    for slot in 0..<WalkStep.slots { perform(.remove(slot)) }
    bottomHalves = [:]
    timers = [:]
    if violation != nil { abandon() }
    isOver = true
    context.detach()
    weak let old = context
    context = nil
    requests = []
    for _ in 0..<2 { mainContext.iteration(mayBlock: false) }
    if old != nil { expect("the context did not go") }
    pipes = []
  }

  /// What waits for ever must not hold up the end. Callbacks may still ask for it.
  private func makeWay() {
    while reference.isDisabled { perform(.enableExternal) }
    for request in requests where request.kind == .receive { request.handle.cancel() }
  }

  /// After a violation: so that the context may go.
  private func abandon() {
    for request in requests { request.handle.cancel() }
    for _ in 0..<100 where requests.contains(where: { !$0.handle.isFinished }) {
      iterate(blocking: false)
      sleep(milliseconds: 1)
    }
    for _ in 0..<5 { iterate(blocking: false) }
  }

  // MARK: Steps

  private func perform(_ step: WalkStep) {
    switch step {
    case .schedule(let slot): bottomHalf(slot) { $0.schedule() }
    case .scheduleIdle(let slot): bottomHalf(slot) { $0.scheduleIdle() }
    case .cancel(let slot):
      guard let (half, ticket) = bottomHalves[slot] else { return }
      reference.cancel(ticket)
      half.cancel()
    case .delete(let slot):
      guard let (half, ticket) = bottomHalves.removeValue(forKey: slot) else { return }
      reference.cancel(ticket)
      half.delete()
    case .scheduleOnce: scheduleOnce()
    case .arm(let slot, let time): arm(slot, time)
    case .disarm(let slot):
      reference.disarm(slot)
      timers[slot]?.cancel()
    case .dropTimer(let slot):
      reference.disarm(slot)
      timers[slot] = nil
    case .add(let slot): add(slot)
    case .remove(let slot):
      reference.remove(slot)
      context.removeHandler(for: pipes[slot].reader)
    case .fill(let slot):
      reference.fill(slot, 2)
      pipes[slot].write("xx")
    case .disableExternal:
      reference.disable()
      context.disableExternalClients()
    case .enableExternal:
      if !reference.isDisabled { return }
      reference.enable()
      context.enableExternalClients()
    case .request(let kind): request(kind)
    case .cancelRequest(let index):
      let underWay = requests.filter { !reference.finished.contains($0.number) }
      if index < underWay.count { underWay.reversed()[index].handle.cancel() }
    case .attach:
      if setting.driver == .glib && !context.isAttached { try? context.attach(to: mainContext) }
    case .detach: context.detach()
    case .iterate: iterate(blocking: false)
    case .wait: wait()
    case .poll: context.poll(blocking: false)
    case .jump(let milliseconds):
      if milliseconds < 0 { hasJumpedBack = true }
      kernel.jump(CLOCK_REALTIME, by: Int64(milliseconds) * 1_000_000)
    case .renew: break
    case .fault(let call, let fault): kernel.fail(call, fault)
    case .during(let source, let step): plans[source, default: []].append(step)
    }
  }

  private func iterate(blocking: Bool) {
    if blocking { SleepWatch.shared.begin(context, mainContext) }
    if context.isAttached {
      mainContext.iteration(mayBlock: blocking)
    } else {
      context.poll(blocking: blocking)
    }
    if blocking && SleepWatch.shared.end() { expect("slept on, though a timer was due") }
  }

  private func wait() {
    let guardian = context.makeTimer(name: "end of a wait") {}
    guardian.arm(after: .milliseconds(1))
    iterate(blocking: true)
    guardian.cancel()
  }

  /// A callback of the walk's has come.
  private func called(_ source: WalkStep.Source, _ complaint: String?) {
    if isOver { expect("\(source) was called after the context went") }
    expect(complaint)
    guard violation == nil, plans[source]?.isEmpty == false else { return }
    perform(plans[source]!.removeFirst())
  }

  // MARK: Objects

  private func bottomHalf(_ slot: Int, _ schedule: (BottomHalf) -> Void) {
    if bottomHalves[slot] == nil {
      generation += 1
      let ticket = WalkReference.Ticket.bottomHalf(slot, generation: generation)
      let half = context.makeBottomHalf(name: "\(slot)") { [unowned self] in
        called(.bottomHalf(slot), reference.called(ticket))
      }
      bottomHalves[slot] = (half, ticket)
    }
    let (half, ticket) = bottomHalves[slot]!
    reference.schedule(ticket)
    schedule(half)
  }

  private func scheduleOnce() {
    generation += 1
    let ticket = WalkReference.Ticket.once(generation)
    reference.schedule(ticket)
    context.schedule(name: "once") { [unowned self] in
      expect(reference.called(ticket))
    }
  }

  private func arm(_ slot: Int, _ time: Int) {
    let isWall = slot == WalkStep.slots - 1
    if timers[slot] == nil {
      timers[slot] = context.makeTimer(clock: isWall ? .host : .realtime, name: "\(slot)") {
        [unowned self] in
        let now = isWall ? (hasJumpedBack ? nil : kernel.now(on: .host)) : kernel.monotonicNow
        let neighbours = isWall ? [] : Array(0..<WalkStep.slots - 1)
        called(.timer(slot), reference.fired(slot, now: now, neighbours: neighbours))
      }
    }
    let deadline = (isWall ? wallStart : start) + Int64(time) * 1_000_000
    reference.arm(slot, deadline)
    timers[slot]!.arm(at: deadline)
  }

  private func add(_ slot: Int) {
    generation += 1
    let generation = generation
    let isExternal = slot == WalkStep.slots - 1
    reference.add(slot, generation: generation)
    try! context.setHandler(
      for: pipes[slot].reader, isExternal: isExternal,
      onReadable: { [unowned self] in
        var byte: UInt8 = 0
        let complaint = reference.called(
          handler: slot, generation: generation, isExternal: isExternal)
        if complaint == nil { _ = Glibc.read(pipes[slot].reader.rawValue, &byte, 1) }
        called(.handler(slot), complaint)
      })
  }

  private func request(_ kind: WalkStep.Request) {
    guard let engine = try? context.engine(setting.engine) else { return }
    generation += 1
    let number = generation
    reference.request(number)
    isAsking = true
    defer { isAsking = false }
    let ended: @Sendable (Int?, Int?) -> Void = { [unowned self] result, expected in
      var complaint = reference.completed(number)
      if isAsking { complaint = "request \(number) completed within the call that made it" }
      if let result, result != expected {
        complaint = "request \(number) (\(kind)) completed with \(result)"
      }
      called(.completion, complaint)
    }
    let handle: AIORequest
    switch kind {
    case .read:
      let buffer = AIOBuffer(count: 512)
      handle = engine.read(from: file.descriptor, at: 512, into: buffer) { result in
        ended(try? result.get(), 512)
      }
    case .timeout:
      handle = engine.timeout(after: .milliseconds(1)) { ended(try? $0.get(), 0) }
    case .nothing: handle = engine.noOperation { ended(try? $0.get(), 0) }
    case .job:
      let completion: @Sendable (Result<Int, any Error>) -> Void = { ended(try? $0.get(), 7) }
      handle = context.threadPool.submit({ 7 }, completion: completion)
    case .receive:
      handle = engine.receive(on: quiet.reader, into: AIOBuffer(count: 16)) {
        ended(try? $0.get(), nil)
      }
    }
    requests.append((number, kind, handle))
  }
}
