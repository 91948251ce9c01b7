// How the tests of models read the sample files, and ask the library.
//
// The files' own shapes are regular (Data/README.md), so picking out their numbers needs no JSON.

import Glibc
import Serving
import TestSupport
import Testing

extension TestData {
    static func path(ofModel name: String) -> String { "\(root)/Data/models/\(name)" }

    /// The rows of a sample file: 29 numbers each.
    static func transactions(_ name: String = "transactions.json") throws -> [[Float]] {
        let text = String(decoding: try bytes("Data/samples/\(name)"), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            let open = try #require(line.lastIndex(of: "["))
            let row = numbers(in: line[open...])
            try #require(row.count == 29)
            return row
        }
    }

    /// What the sample model answers to the first rows of `transactions`.
    static func expectedOutputs() throws -> [Float] {
        let text = String(decoding: try bytes("Data/samples/expected_outputs.json"), as: UTF8.self)
        let open = try #require(text.firstIndex(of: "["))
        return numbers(in: text[open...])
    }

    /// Read as the JSON numbers that they are, then made float32, as a request is.
    private static func numbers(in text: Substring) -> [Float] {
        text.split { !($0.isNumber || "+-.e".contains($0)) }.compactMap { Double($0) }
            .map { Float($0) }
    }
}

extension Library {
    /// One for all tests, as a process has one. That a named library opens is itself a test.
    static let opened = Result { () throws -> ModelRuntime in try ModelRuntime() }

    static func session(_ model: String) throws -> ModelSession {
        try ModelSession(runtime: opened.get(), path: TestData.path(ofModel: model))
    }

    /// Why the model at `path` does not load; nil if it does.
    static func refusal(ofModelAt path: String) throws -> ServingError? {
        let runtime = try opened.get()
        return servingError { () throws(ServingError) in
            _ = try ModelSession(runtime: runtime, path: path)
        }
    }

    /// Why a file of `bytes` does not load; nil if it does.
    static func refusal(of bytes: [UInt8]) throws -> ServingError? {
        let path = "/tmp/assaylog-model-\(UInt64.random(in: 0 ... .max))"
        let file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        try #require(file >= 0)
        defer { unlink(path) }
        let count = write(file, bytes, bytes.count)
        close(file)
        try #require(count == bytes.count)
        return try refusal(ofModelAt: path)
    }

    /// Why `session` does not run on `inputs`; nil if it does.
    static func refusal(of inputs: [Tensor], by session: ModelSession) -> ServingError? {
        servingError { () throws(ServingError) in _ = try session.run(inputs) }
    }
}

/// The error that `body` throws, for a `switch` or a comparison.
func servingError(_ body: () throws(ServingError) -> Void) -> ServingError? {
    do throws(ServingError) {
        try body()
        return nil
    } catch {
        return error
    }
}
