export { RuleCreate as Create } from './RuleCreate';
export { RuleList as List } from './RuleList';
