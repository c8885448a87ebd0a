export { BudgetCreate as Create } from './BudgetForm';
export { BudgetEdit as Edit } from './BudgetForm';
export { BudgetList as List } from './BudgetList';
