// Checked: that a log lies in directories whose names are durable before anything in them is acknowledged.
//
//     first opening   make data/ ─ sync its name ─ make derived/ ─ sync its name ─ manifest …    one of these fails
//     power           goes on, or is cut, with names that were not synced kept or lost
//     second opening  serves: an append is acknowledged
//     power           is cut: nothing that was not synced is kept        ──►  the append is there

import CrashPoints
import Disk
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct FirstOpeningTests {
    enum Power: CaseIterable {
        case goesOn, cutKeepingAll, cutLosingAll
    }

    @Test(
        "an opening that cannot make its directories' names durable is refused, and the next one makes them so",
        arguments: ["", FileName.derivedDirectory], Power.allCases)
    func names(directory: String, power: Power) throws {
        var configuration = LogConfiguration()
        configuration.directory = directory
        // Each is made, and its name synced.
        let nameOperationCount = directory.isEmpty ? 2 : 4
        var operation = 0
        while true {
            let place: Comment = "operation \(operation) failed, in \"\(directory)\", \(power)"
            let disk = SimulatedFileSystem(hasRoot: false)
            var plan = SimulatedFileSystem.FaultPlan()
            plan.failAtOperation = operation
            disk.setPlan(plan)
            do throws(LogError) {
                let (writer, _, _) = try InferenceLog.openWriter(configuration, on: disk)
                writer.end()
                #expect(operation >= nameOperationCount, "it serves: \(place)")
            } catch {
                #expect(error.diskError != nil, place)
                if operation < nameOperationCount {
                    #expect(
                        error.diskError?.operation == ["create directory", "sync directory"][operation % 2],
                        place)
                }
            }
            guard disk.failureCount > 0 else { break }
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            switch power {
            case .goesOn: break
            case .cutKeepingAll: disk.crash { $0.upperBound }
            case .cutLosingAll: disk.crash { $0.lowerBound }
            }
            let (writer, _, _) = try InferenceLog.openWriter(configuration, on: disk)
            _ = try writer.commit([Ledger.item(2, "engine")])
            writer.end()
            disk.crash { $0.lowerBound }
            let (snapshot, report) = try InferenceLog.openForReading(configuration, on: disk)
            #expect(report.damages == [], place)
            #expect(Ledger.shown(snapshot, "engine") == [0, 1], place)
            operation += 1
        }
        // Directories, and a manifest: made, written, synced, renamed, and its name synced.
        #expect(operation > nameOperationCount + 4, "\(operation)")
    }
}
