// What a job may be called: a name that is safe as a folder's and on a command line. Pure.
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/

export const isJobName = (name: string): boolean => NAME.test(name)

export const JOB_NAME = '1 to 64 letters, digits, ".", "-" or "_", the first no "." and no "-"'
