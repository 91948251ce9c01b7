// A power cut that keeps another part of what was never synced each time.

import Simulation

extension SimulatedFileSystem {
    /// Cuts the power. Of each file's unsynced bytes there stay none, all, or some, by turns as `operation` grows.
    package func crash(after operation: Int) {
        var generator = SeededGenerator(seed: UInt64(operation))
        crash { range in
            switch operation % 3 {
            case 0: range.lowerBound
            case 1: range.upperBound
            default: Int.random(in: range, using: &generator)
            }
        }
    }
}
