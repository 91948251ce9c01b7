// Holds a thread in the middle of what it does, so that a test knows what happens meanwhile.

import Glibc
import Synchronization

package final class Gate: Sendable {
    private let state = Mutex((isClosed: false, isHeld: false))

    /// Open at first.
    package init() {}

    /// Somebody waits in it, or has waited since it was closed.
    package var isHeld: Bool { state.withLock { $0.isHeld } }

    package func close() { state.withLock { $0 = (true, false) } }
    package func open() { state.withLock { $0.isClosed = false } }

    /// Blocks the thread that calls it while the gate is closed; it must be none of the tasks'.
    ///
    /// It looks each millisecond: a condition would want a lock that the caller may hold, and no test goes by the length.
    package func pass() {
        while state.withLock({ state in
            if state.isClosed { state.isHeld = true }
            return state.isClosed
        }) { usleep(1000) }
    }
}
