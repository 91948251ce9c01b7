// Invariant checked: the first at the head of SeriesPass.swift: outcomes do not depend on what is read together.

import Assays
import Foundation
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing
import Wire

@testable import Store

@Suite("Passes of the second generation")
struct SeriesPassTests {
    @Test(
        "the more bins and paths, the fewer windows are looked at in one go; a preview of too many is refused"
    )
    func limits() async throws {
        let scene = try await Scene()
        let view = scene.store.view
        func definition(bins: Int, _ iopath: String = "[{\"field\":\"out.y\"}]") throws -> SeriesDefinition {
            try view.completed(
                Scene.seriesRequest(iopath: iopath, mode: "{\"Equal\":\(bins)}"))
        }
        let pair = "[{\"field\":\"out.y\"},{\"field\":\"in.x\"}]"
        #expect(SeriesPass.windowLimit(try definition(bins: 5)) == 10_000)
        #expect(SeriesPass.windowLimit(try definition(bins: 10_000)) == 209)
        #expect(SeriesPass.windowLimit(try definition(bins: 10_000, pair)) == 104)
        #expect(SeriesPass.documentLimit(try definition(bins: 5)) == 2048)
        #expect(SeriesPass.documentLimit(try definition(bins: 10_000, pair)) == 3)
        scene.clock.set(moment(60 * 400))
        let period = TimeWindow(start: moment(0), end: moment(60 * 400))
        #expect(throws: FieldError.self) {
            _ = try view.previewSeries(try definition(bins: 10_000), over: period)
        }
        #expect(try view.previewSeries(try definition(bins: 5), over: period).count > 209)
        try await scene.store.close()
    }

    // Several paths share a scan; one alone has its own.
    @Test("paths that are read together say what each says alone, as of any commit", arguments: 1...6)
    func together(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        let iopaths = [
            "{\"field\":\"out.y\"}", "{\"field\":\"in.x\"}", "{\"field\":\"in.z\",\"indexes\":[1]}",
        ]
        var cuts: [UInt64?] = [nil]
        for _ in 0..<9 {
            let count = [1, 4, 300].randomElement(using: &random)!
            func numbers() -> [Double] { (0..<count).map { _ in Double.random(in: 0...9, using: &random) } }
            _ = try await scene.store.append(
                RecordBatch(
                    times: (0..<count).map { _ in moment(.random(in: -100...600, using: &random)).milliseconds
                    },
                    fields: ["out.y", "in.x"].filter { _ in Int.random(in: 0..<4, using: &random) > 0 }.map {
                        FieldColumn(name: $0, values: .scalar(Leaf(.float64(numbers()))))
                    }),
                topic: scene.pipeline.topic.name, partition: ["a", "b"].randomElement(using: &random)!)
            cuts.append(scene.store.log.cut)
        }
        scene.clock.set(moment(700))
        let view = scene.store.view
        let baseline =
            seed % 2 == 0
            ? "{\"Rolling\":{\"start\":\"2024-01-09T18:58:30Z\",\"width\":{\"seconds\":45}}}"
            : "{\"Vector\":[1,2,3,4]}"
        func findings(
            _ iopaths: [String], _ cut: UInt64?, rowCountMax: Int? = nil
        ) throws -> [[SeriesFinding]] {
            let definition = try view.completed(
                Scene.seriesRequest(
                    baseline: baseline, iopath: "[\(iopaths.joined(separator: ","))]"))
            let runs = definition.schedule.runs(after: moment(0), through: moment(700), limit: 20)
            var pass = SeriesPass(view: view, definition: definition, cut: cut)
            // Pieces of any size make no difference.
            if let rowCountMax { pass.rowCountMax = rowCountMax }
            return try pass.outcomes(of: runs.map { definition.window(of: $0) }).map(\.outcome.findings)
        }
        for cut in cuts {
            let together = try findings(iopaths, cut)
            #expect(together.count == 11)
            for rowCountMax in [0, 20, 100] {
                #expect(try findings(iopaths, cut, rowCountMax: rowCountMax) == together)
            }
            for (place, iopath) in iopaths.enumerated() {
                #expect(try findings([iopath], cut) == together.map { [$0[place]] })
            }
        }
        try await scene.store.close()
    }

    @Test("a path whose baseline has too few numbers is named")
    func namedPath() async throws {
        let scene = try await Scene()
        let lines = (0..<20).map { second in
            "{\"time\":\(moment(Double(second)).milliseconds),\"out\":{\"y\":\(second)},"
                + "\"in\":{\"n\":\(second < 3 ? "\(second)" : "null")}}"
        }
        let batch = try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines).batch
        _ = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "engine")
        let told = await refusal {
            _ = try scene.store.view.completed(
                Scene.seriesRequest(
                    baseline: "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}",
                    iopath: "[{\"field\":\"out.y\"},{\"field\":\"in.n\"}]"))
        }
        #expect(told.hasPrefix("field \"targeting.iopath[1]\" names in.n"), "\(told)")
        try await scene.store.close()
    }
}
