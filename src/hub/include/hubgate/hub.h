#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <hubgate/convert.h>
#include <hubgate/group_manager.h>
#include <hubgate/hub_caller_context.h>
#include <hubgate/hub_clients.h>
#include <hubgate/task.h>
#include <hubgate/value.h>

namespace hubgate {

/// An error whose text is meant for the client: it always gets it, behind the label, which is "HubException" or the
/// name of a subclass of the program's own. The text of any other exception reaches the client only when the hub has
/// `detailed_errors`.
class HubException : public std::runtime_error {
 public:
  explicit HubException(const std::string& text, std::string label = "HubException")
      : std::runtime_error(text), label_(std::move(label)) {}
  const std::string& label() const { return label_; }

 private:
  std::string label_;
};

/// An error with a label of its own in detailed error texts, as .NET has the exception's type name there. Any other
/// std::exception has the label "Exception".
class NamedError : public std::runtime_error {
 public:
  NamedError(std::string label, const std::string& text) : std::runtime_error(text), label_(std::move(label)) {}
  const std::string& label() const { return label_; }

 private:
  std::string label_;
};

namespace detail {

/// What a hub object may reach during one call; made by the library.
class HubScope {
 public:
  virtual ~HubScope() = default;
  virtual HubCallerContext& caller() = 0;
  virtual ClientSender& sender() = 0;
  virtual GroupManager& groups() = 0;
};

}  // namespace detail

/// Base of all hubs: the methods that clients may call. An object lives for one call, so state belongs elsewhere. All
/// runs in the server's thread, so methods must not block; what takes time is a Task.
class Hub {
 public:
  virtual ~Hub() = default;
  Hub() = default;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// A client has connected; none of its calls runs before this is done. An exception closes the connection.
  virtual Task<void> on_connected() { return {}; }
  /// A client is gone; called once if on_connected succeeded. `error` is absent when the client or abort() closed it.
  virtual Task<void> on_disconnected(std::optional<std::string> error) {
    static_cast<void>(error);
    return {};
  }

  /// Gives the object its call; for the library and for tests of hubs.
  void enter(detail::HubScope& scope) { scope_ = &scope; }

 protected:
  HubCallerContext& context() const { return scope_->caller(); }
  HubClients clients() const { return {scope_->sender(), scope_->caller().connection_id()}; }
  GroupManager& groups() const { return scope_->groups(); }

 private:
  detail::HubScope* scope_ = nullptr;
};

namespace detail {

/// A method with its arguments, ready to run once.
class BoundCall {
 public:
  virtual ~BoundCall() = default;
  /// The arguments live as long as this object, which outlives the task. May throw what the method throws.
  virtual Task<Value> run(Hub& hub) = 0;
};

/// One registered method.
class HubMethod {
 public:
  virtual ~HubMethod() = default;
  virtual std::size_t parameter_count() const = 0;
  /// As many arguments as parameters. Null when one does not fit its parameter.
  virtual std::unique_ptr<BoundCall> bind(std::vector<Value> arguments, ValueFormat format) const = 0;
};

struct NamedMethod {
  std::string name;
  std::unique_ptr<HubMethod> method;
};

/// What the library knows of a hub class.
struct HubDefinition {
  std::vector<NamedMethod> methods;
  std::function<std::unique_ptr<Hub>()> make;
};

/// How a parameter is kept until the call: by value.
template <class P>
using Kept =
    std::conditional_t<std::is_same_v<std::remove_cvref_t<P>, std::string_view>, std::string, std::remove_cvref_t<P>>;

template <class T>
Task<Value> value_of(Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    co_await task;
    co_return Value();
  } else {
    co_return to_value(co_await task);
  }
}

template <class H, class Method, class R, class... P>
class BoundMember final : public BoundCall {
 public:
  BoundMember(Method method, std::tuple<Kept<P>...> arguments) : method_(method), arguments_(std::move(arguments)) {}
  Task<Value> run(Hub& hub) override { return run(static_cast<H&>(hub), std::index_sequence_for<P...>()); }

 private:
  template <std::size_t... I>
  Task<Value> run(H& hub, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
      (hub.*method_)(static_cast<P&&>(std::get<I>(arguments_))...);
      return Task<Value>::done(Value());
    } else if constexpr (requires { typename R::promise_type; }) {
      auto task = (hub.*method_)(static_cast<P&&>(std::get<I>(arguments_))...);
      if (!task.is_done()) return value_of(std::move(task));
      if constexpr (std::is_void_v<typename R::value_type>) {
        task.get();
        return Task<Value>::done(Value());
      } else {
        return Task<Value>::done(to_value(task.get()));
      }
    } else {
      return Task<Value>::done(to_value((hub.*method_)(static_cast<P&&>(std::get<I>(arguments_))...)));
    }
  }

  Method method_;
  std::tuple<Kept<P>...> arguments_;
};

template <class H, class Method, class R, class... P>
class HubMember final : public HubMethod {
 public:
  explicit HubMember(Method method) : method_(method) {}
  std::size_t parameter_count() const override { return sizeof...(P); }
  std::unique_ptr<BoundCall> bind(std::vector<Value> arguments, ValueFormat format) const override {
    return bind(arguments, format, std::index_sequence_for<P...>());
  }

 private:
  template <std::size_t... I>
  std::unique_ptr<BoundCall> bind([[maybe_unused]] std::vector<Value>& arguments, [[maybe_unused]] ValueFormat format,
                                  std::index_sequence<I...>) const {
    std::tuple<Kept<P>...> kept;
    const bool fits = (Converter<Kept<P>>::from_value(std::move(arguments[I]), format, std::get<I>(kept)) && ...);
    if (!fits) return nullptr;
    return std::make_unique<BoundMember<H, Method, R, P...>>(method_, std::move(kept));
  }

  Method method_;
};

}  // namespace detail

/// Collects the methods of hub class H that clients may call, in `static void H::map(HubMethods<H>&)`. Parameters and
/// results are types that <hubgate/convert.h> knows; a method returns T, void or Task<T>.
template <class H>
class HubMethods {
 public:
  /// Clients find `name` whatever the case of its letters; error texts have it as it is written here. Two equal names
  /// are an error when the hub is mapped.
  template <class R, class C, class... P>
    requires(std::is_base_of_v<C, H>)
  HubMethods& on(std::string name, R (C::*method)(P...)) {
    methods_.push_back({std::move(name), std::make_unique<detail::HubMember<H, R (C::*)(P...), R, P...>>(method)});
    return *this;
  }
  template <class R, class C, class... P>
    requires(std::is_base_of_v<C, H>)
  HubMethods& on(std::string name, R (C::*method)(P...) const) {
    methods_.push_back(
        {std::move(name), std::make_unique<detail::HubMember<H, R (C::*)(P...) const, R, P...>>(method)});
    return *this;
  }

  std::vector<detail::NamedMethod> take() { return std::move(methods_); }

 private:
  std::vector<detail::NamedMethod> methods_;
};

}  // namespace hubgate
