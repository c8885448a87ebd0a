export { ScheduleCreate as Create, ScheduleEdit as Edit } from './ScheduleForm';
export { ScheduleList as List } from './ScheduleList';
