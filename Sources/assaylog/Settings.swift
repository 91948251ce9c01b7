// What options and the environment say, in one place.

import ArgumentParser
import Glibc
import Logging

/// `--data DIR`, everywhere the same.
struct DataDirectory: ParsableArguments {
    @Option(help: ArgumentHelp("The data directory.", valueName: "dir"))
    var data = Settings.environment("ASSAYLOG_DATA") ?? "assaylog-data"

    func validate() throws {
        guard !data.isEmpty else {
            throw ValidationError("--data is empty; name a directory, as --data ./data.")
        }
    }
}

/// `--server`.
struct ServerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("A running server, as http://localhost:8080, instead of --data.", valueName: "url")
    )
    var server: String?
}

enum Settings {
    /// Says on standard error what an operator should know.
    static func logger() -> Logger {
        var logger = Logger(label: "assaylog", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .notice
        return logger
    }

    /// A variable's value; nil where it is not set or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Where ONNX Runtime is looked for when nobody says: beside the executable, in the project's own
    /// prefix, in the system.
    static var runtimePlaces: [String] {
        let executable = CommandLine.arguments[0]
        let folder = executable.lastIndex(of: "/").map { String(executable[..<$0]) } ?? "."
        return [folder + "/onnxruntime", ".build-tools/onnxruntime", "libonnxruntime.so.1"]
    }
}
