// Where the tests find the sample files and the library, and how they read them.
//
// The files' own shapes are regular (Data/README.md), so picking out their numbers needs no JSON.

import Glibc
import Serving
import Testing

enum TestData {
    /// The repository: ASSAYLOG_ROOT, else three levels above this file, links resolved.
    static let root: String = {
        if let named = getenv("ASSAYLOG_ROOT") { return String(cString: named) }
        guard let real = realpath(#filePath, nil) else { return "." }
        defer { free(real) }
        return String(cString: real).split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    }()

    static func path(ofModel name: String) -> String { "\(root)/Data/models/\(name)" }

    static func bytes(ofModel name: String) throws -> [UInt8] {
        try bytes(at: path(ofModel: name))
    }

    static func bytes(at path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        try #require(file >= 0, "\(path) cannot be read; set ASSAYLOG_ROOT to the repository")
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(file, &buffer, buffer.count)
            try #require(count >= 0)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// The rows of a sample file: 29 numbers each.
    static func transactions(_ name: String = "transactions.json") throws -> [[Float]] {
        let text = String(decoding: try bytes(at: "\(root)/Data/samples/\(name)"), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            let open = try #require(line.lastIndex(of: "["))
            let row = numbers(in: line[open...])
            try #require(row.count == 29)
            return row
        }
    }

    /// What the sample model answers to the first rows of `transactions`.
    static func expectedOutputs() throws -> [Float] {
        let path = "\(root)/Data/samples/expected_outputs.json"
        let text = String(decoding: try bytes(at: path), as: UTF8.self)
        let open = try #require(text.firstIndex(of: "["))
        return numbers(in: text[open...])
    }

    /// Read as the JSON numbers that they are, then made float32, as a request is.
    private static func numbers(in text: Substring) -> [Float] {
        text.split { !($0.isNumber || "+-.e".contains($0)) }.compactMap { Double($0) }
            .map { Float($0) }
    }
}

/// The library that the environment names; without one, the tests that need it do not run.
enum Library {
    static let isNamed = ModelRuntime.environmentPlace() != nil
    static let remedy: Comment =
        "ASSAYLOG_ONNXRUNTIME names no library: run Tools/dev setup, or set it to libonnxruntime.so"

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

    /// Why the model in `bytes` does not load; nil if it does.
    static func refusal(of bytes: [UInt8]) throws -> ServingError? {
        let runtime = try opened.get()
        return servingError { () throws(ServingError) in
            _ = try ModelSession(runtime: runtime, bytes: bytes)
        }
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
