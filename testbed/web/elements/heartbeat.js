// A page that nobody sees does not beat: whoever drives an actuator looks at it.
export default {
  template: "<span hidden></span>",
  mounted() {
    this.timer = setInterval(() => document.hidden || this.$emit("beat"), 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
};
