// The command line: one file a subcommand.

import ArgumentParser

@main
struct Assaylog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assaylog",
        abstract: "An inference log store that tells whether a model has drifted, since when, on which input.",
        version: "0.1.0",
        subcommands: [Serve.self])
}
