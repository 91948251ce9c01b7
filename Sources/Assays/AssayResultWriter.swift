// Results straight to bytes: the text of `AssayResult.json`, without the tree.
//
// A run over a month has 720 results, each of some sixty numbers and texts; made into a tree of values
// first, they took more time to print than to work out. What neighbours share (the baseline, the
// settings, the bins' edges and names) is printed once and its bytes are repeated.
//
// Invariant: the text of each result is, byte for byte, that of its `json`.

import Bytes
import JSON
import Records
import Summaries

/// Prints results one after the other.
package struct AssayResultWriter {
    private var output: JSONWriter
    /// What was printed last, and its text.
    private var lastBaseline: (value: DatedSummary, text: [UInt8])?
    private var lastSettings: (value: SummarizerSettings, text: [UInt8])?
    private var lastEdges: (value: [Double], text: [UInt8])?
    private var lastNames: (value: [String], text: [UInt8])?

    package init() { output = JSONWriter() }

    /// Fewer results are printed by one thread, sooner than another is awake.
    private static let sharedCountMin = 128

    /// The texts of `results` as one list. That of many is printed in parts, which all processors share.
    package static func list(of results: [AssayResult]) -> [UInt8] {
        // Twice as many as processors, so that whoever is awake goes on with the next.
        let partCount = results.count < sharedCountMin ? 1 : 2 * Processors.count
        let parts = Processors.share(parts: partCount) { part in
            members(results[results.count * part / partCount..<results.count * (part + 1) / partCount])
        }
        var list: [UInt8] = []
        list.reserveCapacity(parts.reduce(2) { $0 + $1.count + 1 })
        list.append(UInt8(ascii: "["))
        for (position, part) in parts.enumerated() {
            if position > 0 { list.append(UInt8(ascii: ",")) }
            list.append(contentsOf: part)
        }
        list.append(UInt8(ascii: "]"))
        return list
    }

    /// The texts of `results` with commas between them.
    private static func members(_ results: ArraySlice<AssayResult>) -> [UInt8] {
        var writer = AssayResultWriter()
        writer.output.bytes.reserveCapacity(results.count * 1536)
        for (position, result) in results.enumerated() {
            if position > 0 { writer.output.write(byte: UInt8(ascii: ",")) }
            writer.write(result)
        }
        return writer.output.bytes
    }

    /// The text of one result.
    package static func text(of result: AssayResult) -> [UInt8] {
        var writer = AssayResultWriter()
        writer.write(result)
        return writer.output.bytes
    }

    /// The texts of `results`, each a line of its own that begins with the path it is of.
    package static func lines(of results: [AssayResult], at path: IOPath) -> [UInt8] {
        var writer = AssayResultWriter()
        writer.output.bytes.reserveCapacity(results.count * 1600)
        for result in results {
            writer.write(result, at: path)
            writer.output.write(byte: 0x0A)
        }
        return writer.output.bytes
    }

    private mutating func write(_ result: AssayResult, at path: IOPath? = nil) {
        let outcome = result.outcome
        output.write(byte: UInt8(ascii: "{"))
        if let path {
            output.write("\"path\":")
            output.write(string: path.text)
            output.write(byte: UInt8(ascii: ","))
        }
        output.write("\"id\":")
        write(result.id)
        output.write(",\"assay_id\":")
        write(result.assayID)
        output.write(",\"window_start\":")
        write(outcome.window.start)
        output.write(",\"analyzed_at\":")
        write(result.analysedAt)
        output.write(",\"elapsed_millis\":")
        output.write(Int64(result.elapsedMilliseconds))
        output.write(",\"pipeline_id\":")
        write(result.pipelineID)
        if let workspace = result.workspace {
            output.write(",\"workspace_id\":")
            write(workspace.id)
            output.write(",\"workspace_name\":")
            output.write(string: workspace.name)
        }
        output.write(",\"baseline_summary\":")
        if let last = lastBaseline, last.value.hasText(of: outcome.baseline) {
            output.bytes.append(contentsOf: last.text)
        } else {
            let start = output.bytes.count
            write(outcome.baseline)
            lastBaseline = (outcome.baseline, Array(output.bytes[start...]))
        }
        output.write(",\"window_summary\":")
        write(outcome.summary)
        output.write(",\"warning_threshold\":")
        write(outcome.thresholds.warning)
        output.write(",\"alert_threshold\":")
        output.write(outcome.thresholds.alert)
        output.write(",\"score\":")
        write(outcome.score)
        output.write(",\"scores\":")
        writeList(outcome.scores)
        output.write(",\"bin_index\":")
        if let index = outcome.binIndex { output.write(Int64(index)) } else { output.write("null") }
        output.write(",\"summarizer\":")
        if let last = lastSettings, last.value.hasText(of: outcome.summarizer) {
            output.bytes.append(contentsOf: last.text)
        } else {
            let start = output.bytes.count
            outcome.summarizer.json.write(into: &output)
            lastSettings = (outcome.summarizer, Array(output.bytes[start...]))
        }
        output.write(",\"status\":")
        output.write(string: outcome.status.inContract.rawValue)
        output.write(",\"created_at\":")
        write(result.createdAt)
        output.write(",\"noise\":")
        outcome.noiseJSON.write(into: &output)
        if let absence = outcome.absence {
            output.write(",\"unscored\":")
            output.write(string: outcome.status.rawValue)
            output.write(",\"absence\":")
            output.write(string: absence)
        }
        output.write(byte: UInt8(ascii: "}"))
    }

    private mutating func write(_ dated: DatedSummary) {
        let summary = dated.summary
        output.write("{\"count\":")
        output.write(Int64(summary.count))
        output.write(",\"min\":")
        write(summary.min)
        output.write(",\"max\":")
        write(summary.max)
        output.write(",\"mean\":")
        write(summary.mean)
        output.write(",\"median\":")
        write(summary.median)
        output.write(",\"std\":")
        write(summary.standardDeviation)
        output.write(",\"edges\":")
        write(edges: summary.edges)
        output.write(",\"edge_names\":")
        write(names: summary.edgeNames)
        output.write(",\"aggregated_values\":")
        writeList(summary.aggregatedValues)
        output.write(",\"aggregation\":")
        output.write(string: summary.aggregation.rawValue)
        output.write(",\"start\":")
        write(dated.start)
        output.write(",\"end\":")
        write(dated.end)
        if summary.missingCount > 0 {
            output.write(",\"missing_count\":")
            output.write(Int64(summary.missingCount))
        }
        if summary.infinityCount > 0 {
            output.write(",\"infinity_count\":")
            output.write(Int64(summary.infinityCount))
        }
        output.write(byte: UInt8(ascii: "}"))
    }

    private mutating func write(edges: [Double]) {
        if let last = lastEdges, last.value.isExactly(edges) {
            return output.bytes.append(contentsOf: last.text)
        }
        let start = output.bytes.count
        output.write(byte: UInt8(ascii: "["))
        for edge in edges {
            output.write(edge)
            output.write(byte: UInt8(ascii: ","))
        }
        // The open edge of the right outlier closes them.
        output.write(edges.isEmpty ? "]" : "null]")
        lastEdges = (edges, Array(output.bytes[start...]))
    }

    private mutating func write(names: [String]) {
        if let last = lastNames, last.value == names { return output.bytes.append(contentsOf: last.text) }
        let start = output.bytes.count
        output.write(byte: UInt8(ascii: "["))
        for (position, name) in names.enumerated() {
            if position > 0 { output.write(byte: UInt8(ascii: ",")) }
            output.write(string: name)
        }
        output.write(byte: UInt8(ascii: "]"))
        lastNames = (names, Array(output.bytes[start...]))
    }

    private mutating func writeList(_ numbers: [Double?]) {
        output.write(byte: UInt8(ascii: "["))
        for (position, number) in numbers.enumerated() {
            if position > 0 { output.write(byte: UInt8(ascii: ",")) }
            write(number)
        }
        output.write(byte: UInt8(ascii: "]"))
    }

    private mutating func write(_ number: Double?) {
        if let number { output.write(number) } else { output.write("null") }
    }

    private mutating func write<Kind>(_ identifier: Identifier<Kind>?) {
        if let identifier { output.write(Int64(identifier.number)) } else { output.write("null") }
    }

    private mutating func write(_ moment: Timestamp?) {
        guard let moment else { return output.write("null") }
        output.write(byte: UInt8(ascii: "\""))
        moment.appendZuluText(to: &output.bytes)
        output.write(byte: UInt8(ascii: "\""))
    }
}

// Equal values need not have one text: 0.0 and -0.0 are equal.

extension DatedSummary {
    fileprivate func hasText(of other: DatedSummary) -> Bool {
        let (numbers, others) = (summary.moments, other.summary.moments)
        return self == other && numbers.min.isExactly(others.min) && numbers.max.isExactly(others.max)
            && numbers.mean.isExactly(others.mean) && numbers.median.isExactly(others.median)
            && numbers.standardDeviation.isExactly(others.standardDeviation)
            && summary.edges.isExactly(other.summary.edges)
            && summary.aggregatedValues.elementsEqual(other.summary.aggregatedValues) { $0.isExactly($1) }
    }
}

extension SummarizerSettings {
    fileprivate func hasText(of other: SummarizerSettings) -> Bool {
        self == other && (providedEdges ?? []).isExactly(other.providedEdges ?? [])
            && (binWeights ?? []).isExactly(other.binWeights ?? [])
    }
}

extension Double? {
    fileprivate func isExactly(_ other: Double?) -> Bool { self?.bitPattern == other?.bitPattern }
}

extension [Double] {
    fileprivate func isExactly(_ others: [Double]) -> Bool {
        elementsEqual(others) { $0.bitPattern == $1.bitPattern }
    }
}
