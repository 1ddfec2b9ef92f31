export { type AnalyserOptions, createAnalyser } from './analyser.js'
export { dangerousSetting } from './dangerous-setting.js'
export type * from './facts.js'
export { VERBS } from './verbs.js'
