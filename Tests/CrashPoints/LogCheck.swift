// What `assaylog check` finds in the directory of a log, for tests of rooms that know no store.

import Simulation
import Store

package enum LogCheck {
    package static func findings(on disk: SimulatedFileSystem) throws -> [String] {
        try StoreCheck.run(on: disk).findings.map { "\($0)" }
    }
}
