// How a worker of a language is started: what each of runner/'s folders says of its own.

export interface Runner {
  /** The command line; throws an Error that says what is missing on this host. */
  command(environment: NodeJS.ProcessEnv, cwd: string): readonly [string, ...string[]]
  /** The user's code may keep the child from seeing that the agent died, so the system should kill it. */
  readonly diesWithAgent: boolean
}
