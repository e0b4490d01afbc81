// Open from six to noon, every day but Sunday.
export function isOpen(date) {
  return date.getDay() !== 0 && date.getHours() >= 6 && date.getHours() < 12;
}
