// What went wrong, for people: what, where and why in one sentence, what to do in another, and a stable code that
// docs/errors.md explains. In: any error that reached the command. Out: lines for standard error, and an exit code.
// Always true: no stack unless it was asked for; no code that is not in this table.

/** 0: all items have values. */
export const EXIT = { done: 0, someFailed: 1, usage: 2, notRun: 3, notMet: 4, interrupted: 130 } as const

/** Every code and the exit code that goes with it. Codes never change their meaning. */
export const FAULT_CODES = {
  'MH-USAGE-COMMAND': EXIT.usage,
  'MH-USAGE-OPTION': EXIT.usage,
  'MH-USAGE-VALUE': EXIT.usage,
  'MH-USAGE-MISSING': EXIT.usage,
  'MH-USAGE-CONFLICT': EXIT.usage,
  'MH-CONFIG-FILE': EXIT.usage,
  'MH-CONFIG-KEY': EXIT.usage,
  'MH-NATS-INSECURE': EXIT.usage,
  'MH-FUNCTION-REFERENCE': EXIT.usage,
  'MH-FUNCTION-COMMAND': EXIT.usage,
  'MH-FUNCTION-FILE': EXIT.notRun,
  'MH-FUNCTION-EXPORT': EXIT.notRun,
  'MH-FUNCTION-BUILD': EXIT.notRun,
  'MH-FUNCTION-NATIVE': EXIT.notRun,
  'MH-FUNCTION-SIZE': EXIT.notRun,
  'MH-FUNCTION-CAPTURE': EXIT.notRun,
  'MH-FUNCTION-LITERAL': EXIT.notRun,
  'MH-FUNCTION': EXIT.notRun,
  'MH-INPUT': EXIT.notRun,
  'MH-OUTPUT': EXIT.notRun,
  'MH-NATS': EXIT.notRun,
  'MH-NATS-REPLICAS': EXIT.notRun,
  'MH-COORDINATOR': EXIT.notRun,
  'MH-COORDINATOR-BUSY': EXIT.notRun,
  'MH-COORDINATOR-STORE': EXIT.notRun,
  'MH-COORDINATOR-INSECURE': EXIT.usage,
  'MH-COORDINATOR-LISTEN': EXIT.notRun,
  'MH-COORDINATOR-ENDED': EXIT.notRun,
  'MH-JOB-ASKED': EXIT.usage,
  'MH-JOB-STATE': EXIT.notRun,
  'MH-JOB-CANCELLED': EXIT.notRun,
  'MH-JOB-BROKEN': EXIT.notRun,
  'MH-JOB-NAME': EXIT.usage,
  'MH-JOB-UNKNOWN': EXIT.usage,
  'MH-JOB-RUNNING': EXIT.notRun,
  'MH-JOB-CHANGED': EXIT.notRun,
  'MH-JOB-FOLDER': EXIT.notRun,
  'MH-JOB-STOPPED': EXIT.someFailed,
  'MH-ITEMS-FAILED': EXIT.someFailed,
  'MH-REQUIREMENT': EXIT.notMet,
  'MH-INTERRUPTED': EXIT.interrupted,
  'MH-RECEIPT': EXIT.notRun,
  'MH-SERVER-MISSING': EXIT.notRun,
  'MH-SERVER-ENDED': EXIT.notRun,
  'MH-AGENT-UNKNOWN': EXIT.usage,
  'MH-AGENT-ENDED': EXIT.notRun,
  // Said in logs and while a job waits; nothing ends with it.
  'MH-AGENT-VERSION': EXIT.notRun,
  'MH-INTERNAL': EXIT.notRun,
} as const

export type FaultCode = keyof typeof FAULT_CODES

/** An error that people can act on. `message`: what, where, why. */
export class Fault extends Error {
  readonly code: FaultCode
  /** What to do. */
  readonly advice: string | undefined

  constructor(code: FaultCode, message: string, advice?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Fault'
    this.code = code
    this.advice = advice
  }

  get exitCode(): number {
    return FAULT_CODES[this.code]
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * The error as a fault: what is one already stays one, an error of the project's own keeps its code (FUNCTION_FILE is
 * MH-FUNCTION-FILE), and anything else gets the code of the step that it came from.
 */
export const faultOf = (error: unknown, code: FaultCode): Fault => {
  if (error instanceof Fault) return error
  const own = `MH-${String((error as { code?: unknown } | undefined)?.code).replaceAll('_', '-')}`
  return new Fault(own in FAULT_CODES ? (own as FaultCode) : code, messageOf(error), undefined, error)
}

/** The lines for standard error. `verbose` adds stacks, down to the first cause. */
export const renderFault = (fault: Fault, verbose: boolean): string => {
  const lines = [`manyhands: ${fault.message} [${fault.code}]`]
  if (fault.advice !== undefined) lines.push(...fault.advice.split('\n').map(line => `  ${line}`))
  if (fault.code === 'MH-INTERNAL' && !verbose) lines.push('  This is a fault of manyhands itself; -v shows where.')
  if (verbose) {
    for (let at: unknown = fault; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message)
  }
  return `${lines.join('\n')}\n`
}
