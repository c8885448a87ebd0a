export { TagStatisticsPage } from './TagStatisticsPage';
