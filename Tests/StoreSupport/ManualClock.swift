// Time as a test says it, and all else that a store asks its system for.
//
// Invariant: of two clocks that were moved and asked alike, each answers as the other.

import Records
import Store
import Synchronization
import TestSupport

package final class ManualClock: Sendable {
    private struct State {
        var now: Timestamp
        var monotonic: Int64 = 0
        var uuids = 0
        /// How far the time of day is set ahead once it has been asked for.
        var leap: TimeSpan?
    }

    private let state: Mutex<State>

    package init(_ start: Timestamp = moment(0)) { state = Mutex(State(now: start)) }

    package var now: Timestamp { state.withLock { $0.now } }

    package func set(_ now: Timestamp) { state.withLock { $0.now = now } }

    package func advance(_ seconds: Double) {
        state.withLock { $0.now = $0.now.adding(TimeSpan(microseconds: Int64(seconds * 1_000_000))) }
    }

    /// Sets the time of day ahead as soon as the store has asked for it once more: between two times that it asks.
    package func leapOnceAsked(_ seconds: Double) {
        state.withLock { $0.leap = TimeSpan(microseconds: Int64(seconds * 1_000_000)) }
    }

    /// Lets time pass, by which both clocks go; `set` and `advance` set the time of day alone.
    package func pass(_ seconds: Double) {
        state.withLock { state in
            state.now = state.now.adding(TimeSpan(microseconds: Int64(seconds * 1_000_000)))
            state.monotonic += Int64(seconds * 1_000_000_000)
        }
    }

    /// Its time; a monotonic clock that goes a microsecond at each look; UUIDs that count.
    package var sources: SystemSources {
        SystemSources(
            now: {
                self.state.withLock { state in
                    let now = state.now
                    if let leap = state.leap { (state.now, state.leap) = (now.adding(leap), nil) }
                    return now
                }
            },
            monotonicNanoseconds: {
                self.state.withLock { state in
                    state.monotonic += 1000
                    return state.monotonic
                }
            },
            uuid: {
                let number = self.state.withLock { state in
                    state.uuids += 1
                    return state.uuids
                }
                return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - "\(number)".count)
                    + "\(number)"
            },
            // Of all tests at once: Foundation reads a little past the entries of a directory, which is memory of
            // the system's then.
            giveMemoryBack: {})
    }
}
