// The command line: one file a subcommand.
//
// Invariant: the process ends with 0, with 1 where the command failed, with 2 where the command
// line itself is wrong.

import ArgumentParser
import Glibc

// Each command says its name in its configuration: the library would find it by looking through all types
// of the program, for every command at every start, which took longer than opening a log.

@main
struct Assaylog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assaylog",
        abstract:
            "An inference log store that tells whether a model has drifted, since when, on which input.",
        discussion: """
            Example:
              assaylog append --create --workspace demo --pipeline fraud records.ndjson
              assaylog serve --data ./assaylog-data
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, Append.self, Query.self, Logs.self, Export.self, Summarize.self, AssayCommand.self,
            WebhookCommand.self, Rebuild.self, Inspect.self, Check.self, Compact.self, Retain.self,
            Delete.self, Redact.self,
            Snapshot.self, Restore.self, Bench.self,
        ])

    static func main() async {
        keepMemory()
        allowManyFiles()
        do {
            let command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                if !message.isEmpty { print(message) }
                return
            }
            if !message.isEmpty { Output.note(message) }
            // The library says 64, as BSD's sysexits does; scripts are promised 2.
            Glibc.exit(code == .validationFailure ? 2 : 1)
        }
    }
    /// A log of years is thousands of files, of which a question about all of it opens every one; the limit
    /// that processes begin with is often 1,024, and may be raised as far as the system allows.
    private static func allowManyFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Windows and replays take a few hundred kilobytes and give them back, question after question. By
    /// its own rule the C library returns such memory to the system each time; touching its pages anew
    /// then costs more than sorting what is on them. And it would keep free memory for eight times as
    /// many threads as there are processors.
    private static func keepMemory() {
        // By name, because the import of the C library leaves out malloc.h; another library may have none.
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let tune = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
        let (trimThreshold, mmapThreshold, arenaMax): (Int32, Int32, Int32) = (-1, -3, -8)
        // More than a request body for which room is made at once.
        _ = tune(mmapThreshold, 6 << 20)
        _ = tune(trimThreshold, 8 << 20)
        _ = tune(arenaMax, max(2, Int32(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    }
}
