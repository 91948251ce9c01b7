// Runs the built executable as a person would: arguments in, text and exit code out.

import Dispatch
import Foundation
import TestSupport

/// What one run of the executable did.
struct CommandRun {
    var status: Int32
    var output: String
    var errors: String

    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A directory of a test's own, gone with it, and the executable run in it.
final class Sandbox {
    let path: String

    /// A command that takes longer hangs.
    private static let patience: TimeInterval = 120

    init() throws {
        path = NSTemporaryDirectory() + "assaylog-commands-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The executable stands beside the tests' own.
    static var executable: String {
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let beside = tests.deletingLastPathComponent().appendingPathComponent("assaylog").path
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        return "\(TestData.root)/.build/debug/assaylog"
    }

    func file(_ name: String) -> String { path + "/" + name }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: false, encoding: .utf8)
        return name
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    /// - Parameter variables: of the environment, where no others of ours are.
    func process(
        _ arguments: [String], output: String, errors: String, input: String? = nil,
        variables: [String: String] = [:]
    ) throws -> Process {
        for name in [output, errors] { try write("", to: name) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Sandbox.executable)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path)
        var environment = ProcessInfo.processInfo.environment
        for name in environment.keys where name.hasPrefix("ASSAYLOG_") { environment[name] = nil }
        environment.merge(variables) { $1 }
        process.environment = environment
        // Files, not pipes: nothing waits for anybody to read.
        process.standardOutput = FileHandle(forWritingAtPath: file(output))
        process.standardError = FileHandle(forWritingAtPath: file(errors))
        process.standardInput =
            input.flatMap { FileHandle(forReadingAtPath: file($0)) } ?? FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs a command in the sandbox, where `assaylog-data` is the data directory.
    @discardableResult
    func run(_ arguments: String..., input: String? = nil) throws -> CommandRun {
        try run(arguments, input: input)
    }

    @discardableResult
    func run(_ arguments: [String], input: String? = nil) throws -> CommandRun {
        let (output, errors) = ("out-" + UUID().uuidString, "err-" + UUID().uuidString)
        let process = try process(arguments, output: output, errors: errors, input: input)
        let guardian = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + Sandbox.patience, execute: guardian)
        process.waitUntilExit()
        guardian.cancel()
        return CommandRun(
            status: process.terminationStatus, output: try read(output), errors: try read(errors))
    }

    /// Runs a server on a free port while `body` runs; `body` is given its address.
    func serving(_ options: [String] = [], _ body: (String) throws -> Void) throws {
        let server = try process(
            ["serve", "--port", "0"] + options, output: "serve-out", errors: "serve-err")
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        let deadline = Date(timeIntervalSinceNow: 60)
        while Date() < deadline, server.isRunning {
            let said = try read("serve-err")
            if let line = said.split(separator: "\n").first(where: { $0.contains(" serves ") }),
                let address = line.split(separator: " ").last
            {
                return try body(String(address))
            }
            usleep(20_000)
        }
        throw SandboxError(text: "the server did not start: \(try read("serve-err"))")
    }

    /// A data directory with `count` records of pipeline "fraud", one a second, in a file "records.ndjson".
    @discardableResult
    func appendRecords(_ count: Int) throws -> String {
        let text = Sample.lines(0..<count)
        try write(text, to: "records.ndjson")
        let run = try run(
            "append", "--create", "--workspace", "demo", "--pipeline", "fraud", "records.ndjson")
        guard run.status == 0 else { throw SandboxError(text: run.errors) }
        return text
    }
}

struct SandboxError: Error { var text: String }

/// Records that are easy to foretell.
enum Sample {
    /// 2024-01-09T00:00:00Z.
    static let start = 1_704_758_400_000

    static func line(_ number: Int) -> String {
        #"{"time":\#(start + number * 1000),"in.x":[\#(number),0.5],"out.y":[\#(number % 10).25],"#
            + #""metadata.last_model":"{\"model_name\":\"m\#(number % 2)\"}"}"#
    }

    static func lines(_ numbers: Range<Int>) -> String { numbers.map { line($0) + "\n" }.joined() }
}
