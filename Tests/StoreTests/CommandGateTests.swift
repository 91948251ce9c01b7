// Invariants checked: the two at the head of CommandGate.swift, in that order.

import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Commands come one at a time")
struct CommandGateTests {
    /// A body that waits for its turn to end, as an append waits for the disk.
    @Test("a body that suspends is not overtaken by those that came after it")
    func exclusive() async {
        let gate = CommandGate()
        let state = Shared((inside: 0, greatest: 0, finished: 0))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    await gate.pass {
                        state.value.withLock { state in
                            state.inside += 1
                            state.greatest = max(state.greatest, state.inside)
                        }
                        for _ in 0..<(number % 5) { await Task.yield() }
                        state.value.withLock { state in
                            state.inside -= 1
                            state.finished += 1
                        }
                    }
                }
            }
        }
        #expect(state.value.withLock { $0.greatest } == 1)
        #expect(state.value.withLock { $0.finished } == 200)
    }

    //  first      others 0, 1, 2 …
    //  enter
    //  waits      enter (wait)          each starts only when the one before it waits at the gate
    //  leave
    //             0 runs, 1 runs, …
    @Test("those that wait run in the order of their arrival")
    func inOrder() async {
        let gate = CommandGate()
        let order = Shared<[Int]>([])
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let first = Task { await gate.pass { for await _ in opened { break } } }
        // Each other task is known to have arrived when the gate holds as many as were started.
        while gate.waitingCount == nil { await Task.yield() }
        var others: [Task<Void, Never>] = []
        for number in 0..<20 {
            others.append(Task { await gate.pass { order.value.withLock { $0.append(number) } } })
            while gate.waitingCount != number + 1 { await Task.yield() }
        }
        open.yield()
        await first.value
        for other in others { await other.value }
        #expect(order.value.withLock { $0 } == Array(0..<20))
    }

    @Test("a body that throws lets the next one in")
    func afterAnError() async throws {
        struct Refused: Error {}
        let gate = CommandGate()
        await #expect(throws: Refused.self) { try await gate.pass { throw Refused() } }
        #expect(await gate.pass { 7 } == 7)
    }
}

extension CommandGate {
    /// How many wait; nil while nobody is inside.
    var waitingCount: Int? { state.withLock { $0.isHeld ? $0.waiting.count : nil } }
}
