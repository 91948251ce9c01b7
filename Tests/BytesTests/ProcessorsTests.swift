// Invariants checked: those at the head of Processors.swift.

import Bytes
import Synchronization
import Testing

struct ProcessorsTests {
    @Test("what parts come to stands in their order, each done once", arguments: [0, 1, 2, 3, 64, 1000])
    func order(partCount: Int) {
        let done = Mutex<[Int]>([])
        let made = Processors.share(parts: partCount) { part in
            // Uneven, so that they end in another order than they begin.
            var turns = (part % 7) * 1000
            while turns > 0 { turns -= 1 }
            done.withLock { $0.append(part) }
            return part * part
        }
        #expect(made == (0..<partCount).map { $0 * $0 })
        #expect(done.withLock { $0.sorted() } == Array(0..<partCount))
    }

    @Test("a part may share its own parts")
    func nested() {
        let made = Processors.share(parts: 8) { outer in
            Processors.share(parts: 8) { outer * 8 + $0 }
        }
        #expect(made.flatMap { $0 } == Array(0..<64))
    }
}
