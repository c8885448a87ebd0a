export { CdrList as List } from './CdrList';
