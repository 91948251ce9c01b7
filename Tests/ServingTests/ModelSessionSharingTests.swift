// Invariant checked: one session is run by many at once. (What is released is counted exactly by
// OnnxRuntimeLibraryTests; a process's heap says nothing while other tests use it too.)
//
//     runner 1        runner 2        …  runner 8
//     rows 0 ..< 10   rows 10 ..< 20     rows 70 ..< 80     the same session, at once
//     rows 80 ..< 90  …                                     until each has asked all rows
//
// Each compares every answer with that of a quiet run, bit for bit.

import Serving
import TestSupport
import Testing

@Suite("Sharing one session", .serialized, .enabled(if: Library.isNamed, "\(Library.remedy)"))
struct ModelSessionSharingTests {
    @Test("many runners of one session get the answers of a quiet run")
    func concurrentRuns() async throws {
        let session = try Library.session("card_fraud.onnx")
        let rows = try TestData.transactions()
        let batches = stride(from: 0, to: rows.count, by: 10).map { start in
            Tensor(
                name: "dense_input", shape: [10, 29],
                values: .float32(rows[start..<start + 10].flatMap { $0 }))
        }
        let quiet = try batches.map { try session.run([$0]) }
        let differences = try await withThrowingTaskGroup(of: Int.self) { group in
            for runner in 0..<8 {
                group.addTask {
                    var differences = 0
                    for step in 0..<batches.count * 5 {
                        let index = (runner + step) % batches.count
                        if try session.run([batches[index]]) != quiet[index] { differences += 1 }
                    }
                    return differences
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(differences == 0)
    }
}
